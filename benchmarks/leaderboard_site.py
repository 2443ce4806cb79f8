"""Time building the leaderboard's site: `python benchmarks/leaderboard_site.py`.

Made-up entries of 14 noise settings, three seeds each, are published in a folder, and `leaderboard
build` makes the site of them in a process of its own: with 250, 500 and 1000 entries. A minute, and
a gigabyte of disk while it lasts.

    python benchmarks/leaderboard_site.py                   bounds: 20 CPU s, boards of 1 MB, linear
    python benchmarks/leaderboard_site.py --entries 20,40    a quick try; no bounds

Exit status 1 if a bound is missed at full size.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.figures import Figure, parsed, write_figures
from benchmarks.leaderboard_entries import made_entry
from noisyseg.results.leaderboard.entry import write_entry

SIZES = (250, 500, 1000)
MOST_SECONDS, MOST_BYTES, MOST_GROWTH = 20.0, 1_000_000, 1.5
LEVELS = {
    "clean": 40.0,
    **{f"sym{rate}": 40.0 - rate / 3 for rate in (10, 20, 30, 40, 50, 60, 70, 80)},
    **{f"asym{rate}": 40.0 - rate / 4 for rate in (10, 20, 30, 40, 50)},
}
BUILD = """
import resource, sys, time
from pathlib import Path
from noisyseg.bench.reporting.noise_words import described
from noisyseg.results.leaderboard.site.building import build_site
start, busy = time.perf_counter(), time.process_time()
build_site(Path(sys.argv[1]), Path(sys.argv[2]), described)
memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(time.perf_counter() - start, time.process_time() - busy, memory)
"""


def main() -> int:
    """Measure, print a table, hold the bounds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--entries", default=",".join(map(str, SIZES)), metavar="N,N,…")
    options = parsed(parser, entries="20,40")
    sizes = [int(size) for size in options.entries.split(",")]
    say("| entries | wall s | CPU s | MB of memory | largest board, KB | site, MB |")
    say("| ---: | ---: | ---: | ---: | ---: | ---: |")
    found = [measured(size) for size in sizes]
    times = [seconds / size for size, (seconds, _) in zip(sizes, found, strict=True)]
    full = sizes == list(SIZES)
    growth = times[-1] / times[0]
    figure = Figure(
        what=f"a leaderboard's site of {sizes[-1]} entries",
        figure=f"{found[-1][0]:.1f} s of CPU",
        ratio=growth,
        rival=f"linear: what an entry costs of {sizes[0]}, {times[0]:.3f} s",
        kept=growth < MOST_GROWTH if full else None,
    )
    write_figures(options.figures, [figure])
    if not full:
        return 0
    holds = {
        f"under {MOST_SECONDS:g} s of one core": found[-1][0] < MOST_SECONDS,
        "a board under 1 MB": found[-1][1] < MOST_BYTES,
        f"an entry costs at most {MOST_GROWTH} times as much": growth < MOST_GROWTH,
    }
    for name, own in holds.items():
        say(f"{name}: {'yes' if own else 'NO'}")
    return 0 if all(holds.values()) else 1


def say(line: str) -> None:
    """A line of the table, at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def measured(size: int) -> tuple[float, int]:
    """CPU seconds of a site with so many entries, and bytes of its largest board."""
    with tempfile.TemporaryDirectory() as folder:
        published, site = Path(folder, "published"), Path(folder, "site")
        for number in range(size):
            name = "ce" if number % 20 == 0 else f"method-{number % 200}"
            levels = {label: level + (number % 37) / 9 for label, level in LEVELS.items()}
            entry = made_entry(name, levels=levels, spread=number)
            write_entry(published / "entries" / entry.id, entry)
        command = [sys.executable, "-c", BUILD, str(published), str(site)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        wall, busy, memory = map(float, done.stdout.split())
        board = max(path.stat().st_size for path in (site / "boards").rglob("*.html"))
        whole = sum(path.stat().st_size for path in site.rglob("*") if path.is_file())
    say(
        f"| {size} | {wall:.1f} | {busy:.1f} | {memory:.0f} | {board / 1000:.0f} | "
        f"{whole / 1e6:.0f} |"
    )
    return busy, board


if __name__ == "__main__":
    sys.exit(main())
