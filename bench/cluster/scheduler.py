"""Runs as Ray tasks."""

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from noisyseg.bench.cluster import driver_package
from noisyseg.bench.cluster.progress import Display
from noisyseg.bench.cluster.ray_cluster import connected
from noisyseg.bench.cluster.settings import ClusterSettings
from noisyseg.bench.runs.detectors import load_mmdet
from noisyseg.bench.runs.execution import announce, execute, record_crash
from noisyseg.bench.runs.heartbeat import clear_heartbeat
from noisyseg.bench.runs.run import Resources, Run
from noisyseg.errors import InputError
from noisyseg.results.records.record import Record
from noisyseg.results.records.store import RunStore
from noisyseg.socket_paths import shorten_temporary_folder

_POLL_S = 0.5


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
        task, resources = _task(ray, settings)
        if settings.address is None and resources.device == "cpu":
            _warm_up(ray, task, package, min(_parallel(ray, resources, settings), len(unique)))
        checked.result()
        display.start(unique, parallel=_parallel(ray, resources, settings))
        waiting = {}
        for run in unique:
            announce(run)
            clear_heartbeat(run.folder)  # a killed driver's: its run is not under way
            call = ray.cloudpickle.dumps((_execute_in_worker, (run, root, resources)))
            waiting[task.remote(package, call)] = run
        records: dict[str, Record] = {}
        foreign: InputError | None = None
        while waiting:
            ended, _ = ray.wait(list(waiting), num_returns=1, timeout=_POLL_S)
            for reference in ended:
                run = waiting.pop(reference)
                other, record = _outcome(ray, reference, run, store)
                if other is not None:  # what is under way elsewhere goes on
                    foreign = driver_package.mismatch(package, other)
                    continue
                records[run.key] = record
                display.ended(run, record)
            display.refresh(waiting.values())
    if foreign is not None:
        if not records:
            raise foreign
        sys.stderr.write(f"error: {foreign}\n")
    return records


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
        except InputError:
            checked.result()  # a mistake in what is to be trained comes first
            raise
        yield ray, checked


def _warm_up(ray: Any, task: Any, package: driver_package.DriverPackage, workers: int) -> None:
    """Let workers import what a run needs while the check goes on here; nobody waits for it."""
    call = ray.cloudpickle.dumps((_load_in_worker, ()))
    for _ in range(workers):
        task.remote(package, call)


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
    """The task: what runs in a Ray worker process, which goes on to other runs afterwards."""
    if resources.device == "cpu":
        # Ray shows every GPU to a task that asked for none.
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
    shorten_temporary_folder()
    record = execute(run, RunStore(Path(root)), resources)
    if resources.device == "cuda":
        import torch

        torch.cuda.empty_cache()  # the process stays: the next run may use another's share
    return record


def _outcome(ray: Any, reference: Any, run: Run, store: RunStore) -> tuple[Any, Record]:
    """A task's answer; a record is written for it if its process died before it could."""
    try:
        answer: tuple[Any, Record] = ray.get(reference)
    except ray.exceptions.RayTaskError as error:
        # The process lives; what failed lies outside the training (a full disk, say).
        cause = error.cause
        return None, record_crash(run, store, type(cause).__name__, str(cause) or repr(cause))
    except ray.exceptions.RayError as error:
        reason = str(error).strip().splitlines()
        message = f"the run's process died: {reason[0] if reason else type(error).__name__}"
        return None, record_crash(run, store, type(error).__name__, message)
    return answer


def _task(ray: Any, settings: ClusterSettings) -> tuple[Any, Resources]:
    """The remote function with its share of the cluster, and what a run may use there."""
    total = ray.cluster_resources()
    gpus = settings.gpus_per_run
    if gpus is None:
        gpus = 1 if total.get("GPU", 0) else 0
    on_gpu = gpus and total.get("GPU", 0)
    cpus = settings.cpus_per_run or (_cpus_beside_gpus(total, gpus) if on_gpu else 1)
    needed = {"CPU": cpus, "GPU": gpus}
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    if not any(all(node.get(k, 0) >= v for k, v in needed.items()) for node in nodes):
        has = ", ".join(f"{n.get('CPU', 0):g} CPUs and {n.get('GPU', 0):g} GPUs" for n in nodes)
        raise InputError(
            f"a run needs {cpus} CPUs and {gpus:g} GPUs on one node; the nodes have: {has}. "
            "Lower --cpus-per-run or --gpus-per-run."
        )
    # By value: a worker that imported it by name might import another noisyseg.
    ray.cloudpickle.register_pickle_by_value(driver_package)
    task = ray.remote(driver_package.call_in_worker).options(
        num_cpus=cpus, num_gpus=gpus, max_retries=settings.max_retries
    )
    device = "cuda" if gpus else "cpu"
    return task, Resources(
        threads=1 if gpus else cpus, device=device, loader_workers=cpus - 1 if gpus else 0
    )


def _cpus_beside_gpus(total: Mapping[str, float], gpus: float) -> int:
    """A run's even share of the CPUs by its GPUs, at most 8: images load beside the training."""
    return max(1, min(8, int(total.get("CPU", 1) * gpus / total["GPU"])))


def _parallel(ray: Any, resources: Resources, settings: ClusterSettings) -> int:
    cpus = resources.threads + resources.loader_workers
    gpus = (settings.gpus_per_run or 1) if resources.device == "cuda" else 0
    return sum(
        min(
            int(node["Resources"].get("CPU", 0) // cpus),
            int(node["Resources"].get("GPU", 0) // gpus) if gpus else 2**31,
        )
        for node in ray.nodes()
        if node["Alive"]
    )
