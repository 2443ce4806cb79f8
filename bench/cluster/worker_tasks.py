"""What a worker process does of a run, wherever it is."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from noisyseg.bench.runs.detectors import load_mmdet
from noisyseg.bench.runs.execution import evaluate, execute, train
from noisyseg.bench.runs.run import Resources, Run
from noisyseg.results.records.record import Record
from noisyseg.results.records.store import RunStore
from noisyseg.socket_paths import shorten_temporary_folder


def load_in_worker() -> None:
    """Import what a run on a CPU needs."""
    _hide_gpus()
    load_mmdet()


def execute_in_worker(run: Run, root: str, resources: Resources, home: Any = None) -> Record:
    """The whole of a run, on a CPU, in a process that goes on to other runs."""
    _hide_gpus()
    shorten_temporary_folder()
    with _here(run, root, home) as (run, root):
        return execute(run, RunStore(Path(root)), resources)


def train_in_worker(run: Run, root: str, resources: Resources, home: Any = None) -> Record | None:
    """A run's training, on a GPU, in a process that ends with it."""
    shorten_temporary_folder()
    with _here(run, root, home) as (run, root):
        return train(run, RunStore(Path(root)), _as_there(resources))


def assist_in_worker(run: Run, root: str, resources: Resources, home: Any = None) -> None:
    """The part of a further process in a training of several."""


def evaluate_in_worker(run: Run, root: str, home: Any = None) -> Record:
    """The evaluation of a run that was trained on a GPU; it imports no torch."""
    with _here(run, root, home) as (run, root):
        return evaluate(run, RunStore(Path(root)))


@contextmanager
def _here(run: Run, root: str, home: Any) -> Iterator[tuple[Run, str]]:
    """The run where this machine has its files: in the store, or in a copy of them."""
    yield run, root


def _as_there(resources: Resources) -> Resources:
    """The device that torch finds: Ray may count a GPU that is none of torch's."""
    import torch

    if resources.device == "cuda" and not torch.cuda.is_available():
        return replace(resources, device="cpu")
    return resources


def _hide_gpus() -> None:
    """Ray shows every GPU to a task that asked for none."""
    os.environ["CUDA_VISIBLE_DEVICES"] = ""
