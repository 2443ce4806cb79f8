"""Jobs in processes of this machine, without Ray: what a Slurm array or GNU parallel calls."""

import multiprocessing
import os
import pickle
import signal
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

from noisyseg.bench.cluster.jobs import Job, Outcome
from noisyseg.bench.cluster.machine import free_address
from noisyseg.bench.cluster.share import Share
from noisyseg.bench.cluster.worker_process import work


@dataclass(kw_only=True, eq=False, slots=True)
class _Worker:
    """A process, and the pipe to it."""

    process: BaseProcess
    pipe: Connection
    device: int | None


@dataclass(kw_only=True, eq=False, slots=True)
class _Working:
    """A job's processes; the first one answers.

    Attributes:
        over: those of the others that have done their part.
    """

    job: Job
    workers: list[_Worker]
    over: set[_Worker] = field(default_factory=set)


class ProcessJobs:
    """A process for each training that goes on; one on a CPU goes on to other runs.

    Args:
        share: what a run takes of this machine.
        gpus: how many GPUs there are.
    """

    def __init__(self, share: Share, gpus: int) -> None:
        self._share = share
        self._context = multiprocessing.get_context("spawn")
        self._free: list[_Worker] = []
        self._working: list[_Working] = []
        # Of each GPU: what is left of it.
        self._left = dict.fromkeys(range(gpus), 1.0)
        self._names = _visible_devices(gpus)
        self._stopping = False

    def warm_up(self, workers: int) -> None:
        """Start processes that import what a run on a CPU needs; nobody waits for it."""
        if self._share.gpus:
            return
        self._free += [self._started(visible="", warm=True) for _ in range(workers)]

    def room(self) -> int:
        """How many more trainings could begin now."""
        training = sum(working.job.part != "evaluate" for working in self._working)
        return self._share.parallel - training

    def begin(self, job: Job) -> None:
        """Give a job to as many processes as it needs."""
        need = job.need
        workers = [self._worker(need.gpus) for _ in range(need.ranks)]
        self._working.append(_Working(job=job, workers=workers))
        meeting = free_address("127.0.0.1") if need.ranks > 1 else ""
        for rank, worker in enumerate(workers):
            call = (job.function, job.arguments) if need.ranks == 1 else job.of_rank(rank, meeting)
            with suppress(OSError):  # one that has just died: `ended` tells of it
                worker.pipe.send_bytes(pickle.dumps(call))

    def ended(self, timeout: float) -> Sequence[tuple[Job, Outcome]]:
        """Jobs that have ended, after so many seconds at most."""
        if self._stopping:  # once more: what was still being imported did not listen
            self.stop()
        waited: list[Any] = []
        for working in self._working:
            for worker in working.workers:
                if worker not in working.over:
                    waited += [worker.pipe, worker.process.sentinel]
        ready: set[Any] = set(wait(waited, timeout))
        found = []
        for working in list(self._working):
            outcome = self._outcome(working, ready)
            if outcome is not None:
                self._working.remove(working)
                self._take_back(working)
                found.append((working.job, outcome))
        return found

    def under_way(self) -> Sequence[Job]:
        """Those that processes work on."""
        return [working.job for working in self._working]

    def stop(self) -> None:
        """Interrupt every job: it leaves a checkpoint and goes."""
        self._stopping = True
        for working in self._working:
            for worker in working.workers:
                if worker.process.is_alive() and worker.process.pid is not None:
                    os.kill(worker.process.pid, signal.SIGINT)

    def kill(self) -> None:
        """End every process."""
        workers = [worker for working in self._working for worker in working.workers]
        for worker in [*workers, *self._free]:
            _end(worker)
        self._working.clear()
        self._free.clear()

    def news(self) -> Sequence[tuple[str, str]]:
        """There is one machine, this one."""
        return ()

    def _worker(self, gpus: float) -> _Worker:
        """A free process, or a new one; of a GPU the fullest that has room."""
        while not gpus and self._free:
            worker = self._free.pop()
            if worker.process.is_alive():
                return worker
            _end(worker)
        if not gpus:
            return self._started(visible="")
        fitting = [number for number, left in self._left.items() if left >= gpus - 1e-9]
        device = min(fitting, key=lambda number: self._left[number])
        self._left[device] -= gpus
        return self._started(visible=self._names[device], device=device)

    def _started(self, *, visible: str, device: int | None = None, warm: bool = False) -> _Worker:
        ours, theirs = self._context.Pipe()
        told = (theirs, os.getpid(), visible, warm)
        process = self._context.Process(target=work, args=told)
        process.start()
        theirs.close()
        return _Worker(process=process, pipe=ours, device=device)

    def _outcome(self, working: _Working, ready: set[Any]) -> Outcome | None:
        """A job's outcome, if what has ended decides it: its first process, or one that died."""
        for rank, worker in enumerate(working.workers):
            if worker in working.over:
                continue
            if worker.pipe in ready or worker.process.sentinel in ready:
                outcome = _answer(worker)
                if outcome is None:
                    continue
                if rank == 0 or outcome.fault is not None:
                    return outcome
                working.over.add(worker)
        return None

    def _take_back(self, working: _Working) -> None:
        """Processes that go on to other runs; those of a GPU, and of a run that failed, end."""
        need = working.job.need
        for worker in working.workers:
            if worker.device is not None:
                self._left[worker.device] += need.gpus
            if worker.device is None and need.ranks == 1 and worker.process.is_alive():
                self._free.append(worker)
            else:
                _end(worker)


def _answer(worker: _Worker) -> Outcome | None:
    """What a process answered, or how it died; None if it does neither yet."""
    try:
        if worker.pipe.poll():
            well, answer = worker.pipe.recv()
            if well:
                return Outcome(record=answer)
            fault, kind, message = answer
            return Outcome(fault=fault, kind=kind, message=message)
    except (EOFError, OSError):
        pass
    if worker.process.is_alive():
        worker.process.join(0.2)
        if worker.process.is_alive():
            return None
    how = worker.process.exitcode
    message = f"the run's process died: exit status {how}"
    return Outcome(fault="worker killed", kind="WorkerCrashedError", message=message)


def _end(worker: _Worker) -> None:
    worker.pipe.close()
    if worker.process.is_alive():
        worker.process.kill()
    worker.process.join()


def _visible_devices(gpus: int) -> list[str]:
    """How CUDA_VISIBLE_DEVICES names each GPU that this process sees."""
    names = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    found = [name.strip() for name in names.split(",") if name.strip()]
    return found if len(found) == gpus else [str(number) for number in range(gpus)]
