"""Time loading and tabulating records: `python benchmarks/records.py`.

10,000 synthetic records, sealed as a run seals its own, in a store on the disk: 25 methods, 20
noise settings, 20 seeds. In a process of its own they are loaded into a data frame (each one's
schema, checksum and key are checked) and a table of means, spreads and intervals is made. Beside
it the same files read and decoded by json, with nothing checked, and `noisyseg status` of the
store. Half a minute.

    python benchmarks/records.py                     bounds: 3 s, 500 MB
    python benchmarks/records.py --records 500       a quick try; no bounds
    python benchmarks/records.py --records 100000    also status within 10 s; 2.4 GB of disk

Exit status 1 if a bound is missed at full size.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from figures import Figure, parsed, write_figures

from noisyseg.results.records.record import seal
from noisyseg.results.records.store import RunStore

RECORDS, MOST_SECONDS, MOST_MEGABYTES = 10_000, 3.0, 500.0
METHODS, NOISES = 25, 20
LOAD = """
import resource, sys, time
start = time.perf_counter()
from noisyseg.results.frame import load, tabulated
from noisyseg.results.tables.formats import render
imported = time.perf_counter()
frame = load(sys.argv[1])
loaded = time.perf_counter()
text = render(tabulated(frame, title="synthetic"), "md")
done = time.perf_counter()
memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(len(frame), text.count("(n="), imported - start, loaded - imported, done - loaded, memory)
"""
BARE = """
import json, sys, time
from pathlib import Path
start = time.perf_counter()
files = Path(sys.argv[1]).glob("*/*/*/record.json")
count = sum(1 for path in files if json.loads(path.read_bytes()))
print(count, time.perf_counter() - start)
"""


STATUS = """
import contextlib, io, resource, sys, time
start = time.perf_counter()
from noisyseg.bench.cli.command_line import main
with contextlib.redirect_stdout(io.StringIO()):
    status = main(["status", "--out", sys.argv[1]])
memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(status, time.perf_counter() - start, memory)
"""
MANY, STATUS_SECONDS = 100_000, 10.0


def main() -> int:
    """Make the store, load it in fresh processes, say what it took."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=int, default=RECORDS)
    arguments = parsed(parser, records=1000)
    with tempfile.TemporaryDirectory() as folder:
        fill(Path(folder), arguments.records)
        bare = fresh(BARE, folder)
        count, cells, imports, load, table, memory = fresh(LOAD, folder)
        _, status, status_memory = fresh(STATUS, folder)
    write(f"{count:.0f} records, {cells:.0f} cells")
    write(f"imports {imports:.2f} s, load {load:.2f} s, table {table:.2f} s, {memory:.0f} MB")
    write(f"json alone, nothing checked: {bare[1]:.2f} s; ratio {(load + table) / bare[1]:.1f}")
    write(f"status {status:.2f} s, {status_memory:.0f} MB")
    kept = load + table <= MOST_SECONDS and memory <= MOST_MEGABYTES
    figure = Figure(
        what=f"{count:.0f} records loaded, each checked, and tabulated",
        figure=f"{load + table:.2f} s",
        ratio=(load + table) / bare[1],
        rival=f"json alone decodes them, nothing checked: {bare[1]:.2f} s",
        kept=kept if arguments.records == RECORDS else None,
    )
    write_figures(arguments.figures, [figure])
    if arguments.records >= MANY:
        write(f"bound {STATUS_SECONDS:g} s: {'kept' if status <= STATUS_SECONDS else 'MISSED'}")
        return 0 if status <= STATUS_SECONDS else 1
    if arguments.records >= RECORDS:
        write(f"bounds {MOST_SECONDS:g} s, {MOST_MEGABYTES:g} MB: {'kept' if kept else 'MISSED'}")
        return 0 if kept else 1
    return 0


def write(line: str) -> None:
    """A line of the answer, now."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def fresh(code: str, folder: str) -> list[float]:
    """The numbers that code prints in a process of its own."""
    command = [sys.executable, "-c", code, folder]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return [float(word) for word in done.stdout.split()]


def fill(folder: Path, count: int) -> None:
    """Records of the size that a run's has: 20 classes, all metrics."""
    store = RunStore(folder)
    for number in range(count):
        method, rest = number % METHODS, number // METHODS
        record = seal(synthetic(method, rest % NOISES, rest // NOISES))
        path = store.folder(record["spec"]) / "record.json"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(record, indent=2, sort_keys=True) + "\n")


def synthetic(method: int, noise: int, seed: int) -> dict[str, object]:
    """A run's fields."""
    average = 30 + method / 10 - noise + (seed * 7919 % 100) / 50
    numbers = dict.fromkeys(("AP", "AP50", "AP75", "APs", "APm", "APl"), average)
    steps = [{"type": "symmetric", "rate": noise / 25, "convention": "paper", "version": 2}]
    classes = [f"class {place}" for place in range(20)]
    return {
        "status": "done",
        "spec": {
            "schema": 1,
            "data": {"name": "synthetic", "classes": classes, "train_sha256": "0" * 64},
            "protocol": {"name": "some", "version": 1, "epochs": 12, "batch_size": 16},
            "model": {"name": "some", "version": 1, "detector": {str(n): n for n in range(150)}},
            "method": {"name": f"method {method}", "version": 1, "parameters": {"gamma": 6.0}},
            "noise": {"seed": seed, "steps": steps} if noise else None,
            "training": {"version": 1},
            "train_seed": seed,
            "eval": {"version": 1},
        },
        "metrics": {
            "version": 1,
            "tool": "hotcoco 1.3.0",
            "verified": None,
            "segm": numbers,
            "bbox": numbers,
            "per_class": {name: {"segm": average, "bbox": average} for name in classes},
            "agnostic": {"AP": average, "AP50": average, "AP75": average, "AR100": average},
            "matched": {"accuracy": average, "found": 9, "confusion": [[1] * 20] * 20},
        },
        "failure": None,
        "checksums": dict.fromkeys(("manifest", "predictions", "log", "noisy_annotations")),
        "lineage": {},
        "environment": {"python": "3.11", "packages": {str(n): "1.0" for n in range(20)}},
        "timings": {"training": 60.0},
        "started": "2026-01-02T03:04:05Z",
        "finished": "2026-01-02T03:05:05Z",
    }


if __name__ == "__main__":
    sys.exit(main())
