"""What a worker process does of a run, wherever it is."""

import os
from dataclasses import replace
from pathlib import Path

from noisyseg.bench.cluster.away import Home, working_copy
from noisyseg.bench.cluster.draining_node import told_of_draining
from noisyseg.bench.runs.detectors import load_mmdet
from noisyseg.bench.runs.execution import assist, evaluate, execute, train
from noisyseg.bench.runs.run import Resources, Run
from noisyseg.results.records.record import Record
from noisyseg.results.records.store import RunStore
from noisyseg.socket_paths import shorten_temporary_folder


def load_in_worker() -> None:
    """Import what a run on a CPU needs."""
    _hide_gpus()
    load_mmdet()


def execute_in_worker(
    run: Run, root: str, resources: Resources, home: Home | None = None
) -> Record:
    """The whole of a run, on a CPU, in a process that goes on to other runs."""
    _hide_gpus()
    shorten_temporary_folder()
    with told_of_draining(), working_copy(run, root, home) as (own, own_root):
        return execute(own, RunStore(Path(own_root)), resources)


def train_in_worker(
    run: Run, root: str, resources: Resources, home: Home | None = None
) -> Record | None:
    """A run's training, on a GPU, in a process that ends with it."""
    shorten_temporary_folder()
    with told_of_draining(), working_copy(run, root, home) as (own, own_root):
        return train(own, RunStore(Path(own_root)), _as_there(resources))


def assist_in_worker(run: Run, root: str, resources: Resources, home: Home | None = None) -> None:
    """The part of a further process in a training of several."""
    shorten_temporary_folder()
    with told_of_draining(), working_copy(run, root, home, rank=resources.rank) as (own, _):
        assist(own, _as_there(resources))


def evaluate_in_worker(run: Run, root: str, home: Home | None = None) -> Record:
    """The evaluation of a run that was trained on a GPU; it imports no torch."""
    with working_copy(run, root, home) as (own, own_root):
        return evaluate(own, RunStore(Path(own_root)))


def _as_there(resources: Resources) -> Resources:
    """The device that torch finds: Ray may count a GPU that is none of torch's."""
    import torch

    if resources.device == "cuda" and not torch.cuda.is_available():
        return replace(resources, device="cpu")
    return resources


def _hide_gpus() -> None:
    """Ray shows every GPU to a task that asked for none."""
    os.environ["CUDA_VISIBLE_DEVICES"] = ""
