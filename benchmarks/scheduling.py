"""What the scheduler costs: runs that sleep for known times, through the real one and a real Ray.

    python benchmarks/scheduling.py [--waiting 10000]

84 runs whose lengths spread 1:5 on 8 slots, beside the bound that no order can beat,
max(total / slots, longest); 200 runs that do nothing, for the overhead of one; and many waiting
runs, for the driver's memory and the time until the first begins. The slots need no cores: what
sleeps uses none.
"""

import argparse
import contextlib
import os
import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from figures import Figure, parsed, write_figures

from noisyseg.bench.cluster import ray_cluster, scheduler, worker_tasks
from noisyseg.bench.cluster.settings import ClusterSettings
from noisyseg.bench.config.suite import load_suite
from noisyseg.bench.runs.grid import expand
from noisyseg.bench.runs.run import Run
from noisyseg.results.records.store import RunStore

SLOTS = 8
# What a check of the runs takes at least, as mmdet is imported for it: workers start meanwhile.
CHECK_S = 4.0


class Watch:
    """A display that remembers when it heard of what."""

    def __init__(self) -> None:
        self.started = self.last = 0.0
        self.ended_count = 0

    def start(self, runs: Sequence[Run], *, parallel: int, dashboard: str | None = None) -> None:
        """Runs are about to begin."""
        assert parallel == SLOTS, parallel
        self.started = time.perf_counter()

    def refresh(self, waiting: Any) -> None:
        """Nothing is shown."""

    def ended(self, run: Run, record: Any, *, elsewhere: bool = False) -> None:
        """A run has ended."""
        self.ended_count += 1
        self.last = time.perf_counter()

    def note(self, text: str) -> None:
        """What went wrong, if anything did."""
        tell(text)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--waiting", type=int, default=10_000, metavar="N")
    parser.add_argument("--runs", type=int, default=84, metavar="N", help="that sleep 1 to 5 s")
    options = parsed(parser, waiting=0, runs=32)
    ray_cluster.usable_cpus = lambda: SLOTS  # type: ignore[assignment]
    with tempfile.TemporaryDirectory() as folder:
        store = RunStore(Path(folder) / "runs")
        (first, *_) = expand(load_suite("smoke", data_root=None, cache=Path(folder)), store)
        draw = random.Random(0)
        lengths = [draw.uniform(1, 5) for _ in range(options.runs)]
        watch = timed(copies(first, store, len(lengths)), lengths, store)
        bound = max(sum(lengths) / SLOTS, max(lengths))
        took = watch.last - watch.started
        tell(
            f"{options.runs} runs of 1 to 5 s on {SLOTS} slots: {took:.2f} s, bound {bound:.2f} s; "
            f"ratio {took / bound:.3f}"
        )

        watch = timed(copies(first, store, 200, "idle"), [0.0] * 200, store)
        each = (watch.last - watch.started) / 200
        tell(f"200 runs that do nothing: {1000 * each:.1f} ms of the driver's each")

        if options.waiting:
            tell(many(copies(first, store, options.waiting, "many"), store))
    figure = Figure(
        what=f"{options.runs} runs that sleep 1 to 5 s, on {SLOTS} slots",
        figure=f"{took:.1f} s",
        ratio=took / bound,
        rival=f"the bound that no order can beat: {bound:.1f} s",
    )
    write_figures(options.figures, [figure])


def tell(text: str) -> None:
    """A line of the result."""
    sys.stdout.write(f"{text}\n")


def copies(run: Run, store: RunStore, count: int, name: str = "copy") -> list[Run]:
    """Runs that differ in their seeds and lie in folders of their own."""
    found = []
    for number in range(count):
        spec = {**run.spec, "train_seed": number}
        key = f"{name}-{number:06}"
        folder = store.place(spec, key)
        found.append(replace(run, key=key, spec=spec, folder=folder))  # type: ignore[arg-type]
    return found


def timed(runs: Sequence[Run], lengths: Sequence[float], store: RunStore) -> Watch:
    """All of them through the scheduler, which knows their lengths."""
    known = {run.key: length for run, length in zip(runs, lengths, strict=True)}
    watch = Watch()
    through(runs, known, store, watch)
    assert watch.ended_count == len(runs), watch.ended_count
    return watch


def many(runs: Sequence[Run], store: RunStore) -> str:
    """So many runs wait; the driver is stopped once the first eight have ended."""
    began = time.perf_counter()

    class Leaves(Watch):
        """Stops once a few have ended."""

        def ended(self, run: Run, record: Any, *, elsewhere: bool = False) -> None:
            super().ended(run, record)
            if self.ended_count == SLOTS:
                raise KeyboardInterrupt

    watch = Leaves()
    with contextlib.suppress(KeyboardInterrupt):
        through(runs, dict.fromkeys((run.key for run in runs), 0.0), store, watch)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    start = watch.last - began
    return (
        f"{len(runs):,} runs wait: the first {SLOTS} have ended after {start:.1f} s; the driver's "
        f"memory at most {peak / 1e9:.2f} GB"
    )


def through(runs: Sequence[Run], known: dict[str, float], store: RunStore, watch: Watch) -> None:
    """The scheduler, with tasks that sleep in the place of trainings."""

    def sleeping(run: Run, root: str, resources: Any) -> Any:
        import time

        time.sleep(known[run.key])
        return {"status": "done"}

    worker_tasks.load_in_worker = lambda: None
    worker_tasks.execute_in_worker = sleeping if len(known) < 1000 else _idle()
    lengths: Callable[..., Any] = lambda *_, **__: SimpleNamespace(  # noqa: E731
        seconds=lambda run: known[run.key]
    )
    scheduler.Durations = SimpleNamespace(of=lengths)  # type: ignore[misc,assignment]
    settings = ClusterSettings(cpus_per_run=1, gpus_per_run=0)
    scheduler.run_all(runs, store, settings, watch, lambda: time.sleep(CHECK_S))


def _idle() -> Any:
    def idle(run: Run, root: str, resources: Any) -> Any:
        return {"status": "done"}

    return idle


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
