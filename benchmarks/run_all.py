"""Every benchmark, one table: `make bench`.

    python benchmarks/run_all.py                        quick forms, under 5 minutes, printed
    python benchmarks/run_all.py --write results.md     and written, results.json beside it
    python benchmarks/run_all.py --only ranks records   some of them
    python benchmarks/run_all.py --full                 each without --short: half an hour or more

Each benchmark is a process of its own; one that fails is shown as failed, and the next one runs.
What needs a GPU or a package that is not here is named, and what has no place in the table, with
the reason. Exit status 1 if one failed or missed a bound. Leave the machine alone meanwhile: the
table tells what load it began with.
"""

import argparse
import json
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from outcome import FAILED, LEFT_OUT, MISSED, Benchmark, Outcome, outcome
from result_table import document, markdown, this_machine

FOLDER = Path(__file__).resolve().parent
LIMIT = 600.0  # seconds: many times what a quick form takes, on a machine that is busy, too

TRAINING = ("torch", "mmdet")
BENCHMARKS = (
    Benchmark(name="noise_generator"),
    Benchmark(name="mask_noise"),
    Benchmark(name="annotation_check", needs=("pycocotools",)),
    Benchmark(name="coco_scale", needs=TRAINING),
    Benchmark(name="voc_preparation"),
    Benchmark(name="training", needs=TRAINING),
    Benchmark(name="method_overhead", needs=TRAINING),
    Benchmark(name="ranks", needs=TRAINING),
    Benchmark(name="scheduling", needs=(*TRAINING, "ray")),
    Benchmark(name="evaluation", needs=("hotcoco", "pycocotools", "cv2")),
    Benchmark(name="records"),
    Benchmark(name="leaderboard_site"),
    Benchmark(name="gpu_check", needs=TRAINING, gpu=True),
    Benchmark(
        name="gpu_whole",
        gpu=True,
        left_out="trains the suite that it is given: python benchmarks/gpu_whole.py small",
    ),
    Benchmark(
        name="quick",
        left_out="its rival is an earlier commit, and a round of both takes 10 minutes: "
        "python benchmarks/quick.py --against COMMIT",
    ),
    Benchmark(
        name="preset_overlaps",
        left_out="needs annotations of COCO, and COCO-N's noise_annotations.py as the rival: "
        "python benchmarks/preset_overlaps.py FILE --source FILE",
    ),
)


def outcomes(
    benchmarks: Sequence[Benchmark], run: Callable[[Benchmark], Outcome]
) -> Iterator[Outcome]:
    """Run one after another, and say how each went."""
    for number, benchmark in enumerate(benchmarks, start=1):
        sys.stdout.write(f"[{number}/{len(benchmarks)}] {benchmark.name}: ")
        sys.stdout.flush()
        found = run(benchmark)
        taken = "" if found.status == LEFT_OUT else f", {found.seconds:.0f} s"
        write(f"{found.status}{taken}{f': {found.why}' if found.why else ''}")
        for line in found.output:
            write(f"    {line}")
        yield found


def write(line: str) -> None:
    """A line for the user, at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> int:
    """Run with the command line's options; the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    names = [benchmark.name for benchmark in BENCHMARKS]
    parser.add_argument("--full", action="store_true", help="each without --short")
    parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="NAME")
    parser.add_argument("--write", type=Path, metavar="FILE.md")
    options = parser.parse_args()
    if options.write is not None and options.write.suffix != ".md":
        parser.error(f"--write wants a name that ends in .md, not {options.write}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what runs then ends, too
    chosen = [benchmark for benchmark in BENCHMARKS if benchmark.name in options.only]
    run = partial(
        outcome, folder=FOLDER, short=not options.full, limit=None if options.full else LIMIT
    )
    return tabulated(chosen, run, form="full" if options.full else "quick", path=options.write)


def tabulated(
    benchmarks: Sequence[Benchmark],
    run: Callable[[Benchmark], Outcome],
    *,
    form: str,
    path: Path | None,
) -> int:
    """Run them, print their table and write it to the path and beside it; the exit status."""
    machine = this_machine()
    began = time.perf_counter()
    found = list(outcomes(benchmarks, run))
    table = markdown(found, machine, form)
    write(f"\n{table}")
    if path is not None:
        path.write_text(table)
        beside = path.with_suffix(".json")
        beside.write_text(json.dumps(document(found, machine, form), indent=1) + "\n")
        write(f"written: {path}, {beside}")
    bad = [one.benchmark for one in found if one.status in (FAILED, MISSED)]
    verdict = f"failed or bound missed: {', '.join(bad)}" if bad else "none failed"
    write(f"{time.perf_counter() - began:.0f} s; {verdict}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
