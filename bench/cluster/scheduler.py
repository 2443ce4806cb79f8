"""Runs as Ray tasks."""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from typing import Any

from noisyseg.bench.cluster import driver_package
from noisyseg.bench.cluster.progress import Display
from noisyseg.bench.cluster.ray_cluster import connected
from noisyseg.bench.cluster.run_tasks import RunTasks
from noisyseg.bench.cluster.settings import ClusterSettings
from noisyseg.bench.cluster.share import Share, share_of
from noisyseg.bench.runs.detectors import load_mmdet
from noisyseg.bench.runs.execution import announce, evaluate, execute, record_crash, train
from noisyseg.bench.runs.heartbeat import clear_heartbeat
from noisyseg.bench.runs.run import Resources, Run
from noisyseg.bench.runs.training_note import read_training_note
from noisyseg.errors import InputError
from noisyseg.results.records.record import Record
from noisyseg.results.records.store import RunStore
from noisyseg.socket_paths import shorten_temporary_folder


def run_all(
    runs: Sequence[Run],
    store: RunStore,
    settings: ClusterSettings,
    display: Display,
    check: Callable[[], None],
) -> dict[str, Record]:
    """Train what is given, each key once; returns the records by key.

    Args:
        runs: in the order in which they begin.
        store: of their records.
        settings: where they go.
        display: told what happens.
        check: of the runs, called beside Ray's start; nothing is trained before it has returned.
    Raises:
        InputError: what `check` raises; no Ray at the address, no node that has what one run
            needs, or a node with another noisyseg than this process has.
    """
    unique = [_anywhere(run) for run in {run.key: run for run in runs}.values()]
    root, package = str(store.root.absolute()), driver_package.own_package()
    with _connected_beside(check, settings) as (ray, checked):
        share = share_of(ray, settings)
        if settings.address is None and share.resources.device == "cpu":
            task = _task(ray, settings, cpus=share.cpus, gpus=0)
            _warm_up(ray, package, task, min(share.parallel, len(unique)))
        checked.result()
        display.start(unique, parallel=share.parallel)
        tasks = _tasks(ray, package, root, share, settings)
        for run in unique:
            announce(run)
            clear_heartbeat(run.folder)  # a killed driver's: its run is not under way
            begin = tasks.evaluate if _lacks_evaluation_alone(run, share) else tasks.train
            begin(run)
        records, foreign = _awaited(ray, tasks, package, store, display)
    if foreign is not None:
        if not records:
            raise foreign
        sys.stderr.write(f"error: {foreign}\n")
    return records


def _awaited(
    ray: Any,
    tasks: RunTasks,
    package: driver_package.DriverPackage,
    store: RunStore,
    display: Display,
) -> tuple[dict[str, Record], InputError | None]:
    """The records of all runs once they have ended, and what is wrong with a node, if anything."""
    records: dict[str, Record] = {}
    foreign: InputError | None = None
    while tasks.waiting():
        for reference, run in tasks.ended():
            other, record = _outcome(ray, reference, run, store)
            if other is not None:  # what is under way elsewhere goes on
                foreign = driver_package.mismatch(package, other)
            elif record is None:
                tasks.evaluate(run)
            else:
                records[run.key] = record
                display.ended(run, record)
        display.refresh(tasks.waiting())
    return records, foreign


@contextmanager
def _connected_beside(
    check: Callable[[], None], settings: ClusterSettings
) -> Iterator[tuple[Any, Future[None]]]:
    """Ray, and the check that goes on meanwhile: each takes seconds of waiting or of one CPU.

    Ray is started in the main thread, the one that signals reach.
    """
    with ThreadPoolExecutor(1) as beside, ExitStack() as stack:
        checked = beside.submit(check)
        try:
            ray = stack.enter_context(connected(settings))
        except (InputError, ImportError):
            checked.result()  # a mistake in what is to be trained comes first
            raise
        yield ray, checked


def _tasks(
    ray: Any,
    package: driver_package.DriverPackage,
    root: str,
    share: Share,
    settings: ClusterSettings,
) -> RunTasks:
    """On a CPU a run is one task; on a GPU it lets that go for its evaluation."""
    call = partial(_call, ray, package)
    resources = share.resources
    training = _task(ray, settings, cpus=share.cpus, gpus=share.gpus)
    evaluation = _task(ray, settings, cpus=share.evaluation_cpus, gpus=0)
    first = _execute_in_worker if resources.device == "cpu" else _train_in_worker
    return RunTasks(
        ray,
        train=lambda run: call(training, first, run, root, resources),
        evaluate=lambda run: call(evaluation, _evaluate_in_worker, run, root),
        most=share.parallel,
    )


def _lacks_evaluation_alone(run: Run, share: Share) -> bool:
    """Whether a GPU has nothing left to do for a run: its driver or its evaluation was killed."""
    on_gpu = share.resources.device == "cuda"
    return on_gpu and not run.lacks_submission and read_training_note(run) is not None


def _warm_up(ray: Any, package: driver_package.DriverPackage, task: Any, workers: int) -> None:
    """Let workers import what a run needs while the check goes on here; nobody waits for it."""
    for _ in range(workers):
        _call(ray, package, task, _load_in_worker)


def _load_in_worker() -> None:
    os.environ["CUDA_VISIBLE_DEVICES"] = ""  # as for the runs that follow
    load_mmdet()


def _anywhere(run: Run) -> Run:
    """The run with absolute paths: a worker on a cluster has a working folder of its own."""
    values = {field.name: getattr(run, field.name) for field in fields(run)}
    paths: dict[str, Any] = {
        name: value.absolute() for name, value in values.items() if isinstance(value, Path)
    }
    return replace(run, **paths)


def _execute_in_worker(run: Run, root: str, resources: Resources) -> Record:
    """The task on a CPU: what runs in a Ray worker process, which goes on to other runs."""
    os.environ["CUDA_VISIBLE_DEVICES"] = ""  # Ray shows every GPU to a task that asked for none
    shorten_temporary_folder()
    return execute(run, RunStore(Path(root)), resources)


def _train_in_worker(run: Run, root: str, resources: Resources) -> Record | None:
    """The first task on a GPU, in a process that ends with it."""
    shorten_temporary_folder()
    return train(run, RunStore(Path(root)), resources)


def _evaluate_in_worker(run: Run, root: str) -> Record:
    """The second task of a run that was trained on a GPU; it imports no torch."""
    return evaluate(run, RunStore(Path(root)))


def _outcome(ray: Any, reference: Any, run: Run, store: RunStore) -> tuple[Any, Record | None]:
    """A task's answer; a record is written for it if its process died before it could."""
    try:
        answer: tuple[Any, Record | None] = ray.get(reference)
    except ray.exceptions.RayTaskError as error:
        # The process lives; what failed lies outside the training (a full disk, say).
        cause = error.cause
        return None, record_crash(run, store, type(cause).__name__, str(cause) or repr(cause))
    except ray.exceptions.RayError as error:
        reason = str(error).strip().splitlines()
        message = f"the run's process died: {reason[0] if reason else type(error).__name__}"
        return None, record_crash(run, store, type(error).__name__, message)
    return answer


def _call(
    ray: Any,
    package: driver_package.DriverPackage,
    task: Any,
    function: Callable[..., Any],
    *arguments: Any,
) -> Any:
    """Hand Ray a call of a function in a worker; returns the reference."""
    return task.remote(package, ray.cloudpickle.dumps((function, arguments)))


def _task(ray: Any, settings: ClusterSettings, *, cpus: int, gpus: float) -> Any:
    """The remote function that calls another one with so much of the cluster."""
    # By value: a worker that imported it by name might import another noisyseg.
    ray.cloudpickle.register_pickle_by_value(driver_package)
    # A process that has seen one GPU keeps to it, and keeps some of its memory.
    once = {"max_calls": 1} if gpus else {}
    share = {"num_cpus": cpus, "num_gpus": gpus, "max_retries": settings.max_retries}
    return ray.remote(**share, **once)(driver_package.call_in_worker)
