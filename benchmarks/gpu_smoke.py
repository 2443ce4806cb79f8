"""`smoke` on a GPU, for `gpu_check`: losses beside the CPU's, and every method."""

import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from noisyseg.bench.config.suite import load_suite
from noisyseg.bench.config.suite_part import choose
from noisyseg.bench.datasets.cache import cache_folder
from noisyseg.bench.runs.execution import execute
from noisyseg.bench.runs.grid import expand
from noisyseg.bench.runs.run import Resources, Run
from noisyseg.results.records.record import Record
from noisyseg.results.records.store import RunStore


def _smoke_runs(folder: Path, methods: list[str]) -> tuple[list[Run], RunStore]:
    suite = load_suite("smoke", data_root=None, cache=cache_folder())
    store = RunStore(folder)
    return expand(choose(suite, methods=methods, noise=["sym40"]), store), store


def _run(run: Run, store: RunStore, device: str) -> tuple[Record, list[dict[str, float]]]:
    """A run's record, and its losses an epoch."""
    workers = 2 if device == "cuda" else 0
    record = execute(run, store, Resources(threads=1, device=device, loader_workers=workers))
    log = run.folder / "log.jsonl"
    epochs = [json.loads(line) for line in log.read_text().splitlines()] if log.is_file() else []
    return record, [
        {
            name: value
            for name, value in epoch.items()
            if name.startswith("loss") and isinstance(value, float)
        }
        for epoch in epochs
    ]


def same_losses(device: str) -> dict[str, dict[str, float]]:
    """By how much of itself each loss of the first epoch differs from the CPU's, samples equal."""
    found: dict[tuple[str, str], dict[str, float]] = {}
    for where in ("cpu", device):
        with tempfile.TemporaryDirectory() as folder:
            runs, store = _smoke_runs(Path(folder), ["ce", "lncis"])
            with _drawn_on_the_cpu():
                for run in runs:
                    found[run.method_label, where] = _run(run, store, where)[1][0]
    return {
        method: {
            name: round(abs(found[method, device][name] - value) / max(abs(value), 1e-9), 6)
            for name, value in found[method, "cpu"].items()
        }
        for method in ("ce", "lncis")
    }


@contextmanager
def _drawn_on_the_cpu() -> Iterator[None]:
    """Random keys of anchors and RoIs by the CPU's generator: a GPU's own draws others."""
    drawn = torch.rand

    def rand(*size: Any, device: Any = None, **settings: Any) -> torch.Tensor:
        return drawn(*size, **settings).to(device or "cpu")

    torch.rand = rand
    try:
        yield
    finally:
        torch.rand = drawn


def each_method(device: str, methods: Sequence[str], seconds: float) -> dict[str, str]:
    """What became of `smoke` with each method, as far as the time goes."""
    limit = time.perf_counter() + seconds
    found: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder:
        runs, store = _smoke_runs(Path(folder), list(methods))
        for run in runs:
            start = time.perf_counter()
            if start > limit:
                found[run.method_label] = "no time left"
                continue
            failure = _run(run, store, device)[0]["failure"]
            done = f"done in {time.perf_counter() - start:.1f} s"
            found[run.method_label] = failure["message"][:200] if failure else done
    return found
