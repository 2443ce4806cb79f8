"""Whole trainings on a GPU: accuracy beside a CPU's records, several runs on one card, a kill.

    python benchmarks/gpu_whole.py small --noise sym40 --methods ce gce --seeds 0 1 --out small.json
    python benchmarks/gpu_whole.py small.json --beside RUNS    any machine: AP beside those of RUNS

Trains the suite's part, `--at-once` runs at a time in processes of their own, without Ray; the
first run also alone before all others, once more afterwards (are both equal bit for bit?) and,
killed after its first checkpoint, to its end (is that equal?). Prints AP, seconds a run, the card's
utilisation and memory. A run that the time leaves out is named. The first form needs a GPU, or
tries the script on a CPU.
"""

import argparse
import contextlib
import json
import logging
import multiprocessing
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from noisyseg.bench.config.suite import load_suite
from noisyseg.bench.config.suite_part import choose
from noisyseg.bench.datasets.cache import cache_folder
from noisyseg.bench.runs.grid import expand
from noisyseg.bench.runs.run import Resources, Run
from noisyseg.results.records.store import RunStore
from noisyseg.results.statistics.intervals import describe

Found = dict[str, Any]


def planned(options: argparse.Namespace, folder: Path) -> tuple[list[Run], RunStore]:
    """The runs and the store that they are written to."""
    suite = load_suite(options.suite, data_root=None, cache=cache_folder())
    part = choose(suite, methods=options.methods, noise=options.noise, seeds=options.seeds)
    store = RunStore(folder)
    return expand(part, store), store


def trained(run: Run, root: Path) -> Found:
    """One run in this process: what its record says."""
    import torch

    from noisyseg.bench.runs.execution import execute

    logging.disable(logging.WARNING)
    cuda = torch.cuda.is_available()
    resources = Resources(
        threads=1, device="cuda" if cuda else "cpu", loader_workers=1 if cuda else 0
    )
    began = time.perf_counter()
    record = execute(run, RunStore(root), resources)
    return {
        "key": run.key,
        "run": run.label,
        "seconds": time.perf_counter() - began,
        "timings": record["timings"],
        "usage": record.get("usage"),
        "failure": record["failure"],
        "segm": record["metrics"] and record["metrics"]["segm"],
        "predictions": record["checksums"]["predictions"],
        "resumed_from_epoch": record["lineage"].get("resumed_from_epoch"),
        "peak_GiB": torch.cuda.max_memory_allocated() / 2**30 if cuda else None,
    }


def killed_and_resumed(run: Run, root: Path) -> Found:
    """A run whose process is killed after its first checkpoint, then run to its end."""
    spawn = multiprocessing.get_context("spawn")
    child = spawn.Process(target=trained, args=(run, root))
    child.start()
    while not run.checkpoint.is_file() and child.is_alive():
        time.sleep(0.05)
    was_training = child.is_alive()
    if was_training and child.pid is not None:
        os.kill(child.pid, signal.SIGKILL)
    child.join()
    return trained(run, root) | {"killed while training": was_training}


@contextlib.contextmanager
def watched() -> Iterator[Found]:
    """Utilisation and memory of the card while the block runs, twice a second."""
    seen: Found = {}
    query = ["nvidia-smi", "--query-gpu=utilization.gpu,memory.used", "-lms", "500"]
    try:
        process = subprocess.Popen(
            [*query, "--format=csv,noheader,nounits"], stdout=subprocess.PIPE, text=True
        )
    except FileNotFoundError:
        yield seen
        return
    lines: list[str] = []
    output = process.stdout
    assert output is not None
    reader = threading.Thread(target=lambda: lines.extend(output), daemon=True)
    reader.start()
    try:
        yield seen
    finally:
        process.terminate()
        reader.join(timeout=5)
        values = [[float(value) for value in line.split(",")] for line in lines]
        if values:
            seen["utilisation, mean %"] = statistics.mean(value[0] for value in values)
            seen["memory, largest MiB"] = max(value[1] for value in values)


def measured(options: argparse.Namespace, folder: Path) -> Found:
    """Everything, within the time."""
    limit = time.monotonic() + 60 * options.minutes
    runs, store = planned(options, folder / "runs")
    found: Found = {"suite": options.suite, "at once": options.at_once}

    def keep() -> None:
        options.out.write_text(json.dumps(found, indent=1))

    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as pool, watched() as card:
        first, alone = planned(options, folder / "alone")
        found["alone"] = pool.submit(trained, first[0], alone.root).result()
    found["alone"] |= card
    say("alone", found["alone"])
    keep()
    with watched() as card:
        began = time.perf_counter()
        found["runs"] = list(together(runs, store, options.at_once, limit))
        found["seconds of all"] = time.perf_counter() - began
    found["card"] = card
    say("all", {"seconds": found["seconds of all"], **card})
    keep()
    if time.monotonic() < limit:
        again, root = planned(options, folder / "killed")
        found["killed"] = killed_and_resumed(again[0], root.root)
        say("killed", found["killed"])
    keep()
    first_again = next((one for one in found["runs"] if one["key"] == found["alone"]["key"]), {})
    for name, other in (("again", first_again), ("killed", found.get("killed", {}))):
        equal = other.get("predictions") == found["alone"]["predictions"]
        say(name, {"predictions equal to the first": equal})
    return found


def together(runs: Sequence[Run], store: RunStore, at_once: int, limit: float) -> Iterator[Found]:
    """Runs side by side; those that the limit leaves out say so."""
    spawn = multiprocessing.get_context("spawn")
    waiting = list(runs)
    with ProcessPoolExecutor(at_once, mp_context=spawn) as pool:
        going = {pool.submit(trained, waiting.pop(0), store.root) for _ in runs[:at_once]}
        while going:
            done = next(as_completed(going))
            going.remove(done)
            say("run", done.result())
            yield done.result()
            if waiting and time.monotonic() < limit:
                going.add(pool.submit(trained, waiting.pop(0), store.root))
    for run in waiting:
        sys.stdout.write(f"no time left: {run.label}\n")


def say(name: str, found: Found) -> None:
    """A line of what was found."""
    shown = {key: value for key, value in found.items() if key not in ("timings", "predictions")}
    sys.stdout.write(f"[{name}] {json.dumps(shown)}\n")
    sys.stdout.flush()


def beside(records: Path, figures: Path) -> None:
    """Print mask AP of the figures' runs beside that of records with the same keys."""
    theirs = {
        path.parent.name: json.loads(path.read_bytes()) for path in records.rglob("record.json")
    }
    differences: dict[str, list[float]] = {}
    for run in json.loads(figures.read_bytes())["runs"]:
        record = theirs.get(run["key"])
        if run["segm"] is None or record is None or record["metrics"] is None:
            sys.stdout.write(f"{run['run']}: nothing to compare ({run['failure']})\n")
            continue
        ours, other = run["segm"]["AP"], record["metrics"]["segm"]["AP"]
        sys.stdout.write(f"{run['run']:40} {ours:6.1f} {other:6.1f} {ours - other:+5.1f}\n")
        label = " · ".join(run["run"].split(" · ")[:2])
        differences.setdefault(label, []).append(ours - other)
    everything = [value for values in differences.values() for value in values]
    for label, values in {**differences, "all": everything}.items():
        found = describe(values)
        sys.stdout.write(f"{label}: {found}\n")


def main() -> int:
    """Run with the command line's options; 1 if a run failed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("suite", help="a suite, or with --beside the figures' file")
    parser.add_argument("--methods", nargs="+")
    parser.add_argument("--noise", nargs="+")
    parser.add_argument("--seeds", nargs="+", type=int)
    parser.add_argument("--at-once", type=int, default=8)
    parser.add_argument("--minutes", type=float, default=4)
    parser.add_argument("--out", type=Path, default=Path("gpu_whole.json"))
    parser.add_argument("--beside", type=Path, metavar="RUNS")
    options = parser.parse_args()
    if options.beside:
        beside(options.beside, Path(options.suite))
        return 0
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory() as name:
        found = measured(options, Path(name))
    options.out.write_text(json.dumps(found, indent=1))
    return 1 if any(run["failure"] for run in found["runs"]) else 0


if __name__ == "__main__":
    sys.exit(main())
