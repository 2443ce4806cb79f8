"""Jobs as tasks of a Ray that is connected."""

import time
from collections.abc import Sequence
from typing import Any

from noisyseg.bench.cluster import driver_package, worker_tasks
from noisyseg.bench.cluster.draining_node import draining_nodes
from noisyseg.bench.cluster.jobs import Job, Outcome
from noisyseg.bench.cluster.node_admission import NodeAdmission
from noisyseg.bench.cluster.node_files import NeededFiles
from noisyseg.bench.cluster.ray_deaths import outcome_of
from noisyseg.bench.cluster.ray_groups import RankGroup
from noisyseg.bench.cluster.share import Share, trainings_at_once

_NODES_EVERY_S = 2.0


class RayJobs:
    """Ray's tasks, no more of them than there is room for: what waits, waits with the scheduler.

    Args:
        ray: connected.
        package: the driver's.
        share: what a run takes.
        local: whether it is a private one on this machine.
    """

    def __init__(
        self, ray: Any, package: driver_package.DriverPackage, share: Share, *, local: bool
    ) -> None:
        self._ray, self._package = ray, package
        self._share, self._local = share, local
        self._tasks: dict[Any, Job] = {}
        self._groups: dict[Any, RankGroup] = {}
        self._nodes: dict[str, str] = {}
        self._looked = -_NODES_EVERY_S
        self._parallel = share.parallel
        self._news: list[tuple[str, str]] = []
        self._admission: NodeAdmission | None = None
        self._look_at_nodes()
        self._news.clear()  # those that are there from the start are none

    def warm_up(self, workers: int) -> None:
        """Let workers on this machine's CPUs import what a run needs; nobody waits for it."""
        if not self._local or self._share.gpus:
            return
        task = self._task(cpus=self._share.cpus, gpus=0)
        for _ in range(workers):
            self._call(task, worker_tasks.load_in_worker, ())

    def admit(self, files: NeededFiles) -> None:
        """Let runs go to the nodes that are there, and to later ones that have the files."""
        self._admission = NodeAdmission(self._ray, self._package, files, self._nodes)

    def room(self) -> int:
        """How many more trainings could begin now; nodes come and go."""
        self._look_at_nodes()
        training = sum(job.part != "evaluate" for job in self.under_way())
        return self._parallel - training

    def begin(self, job: Job) -> None:
        """Hand a job to Ray."""
        need = job.need
        if need.ranks > 1:
            group = RankGroup(self._ray, job, self._task, self._call, self._selector())
            self._groups[group.reference] = group
            return
        task = self._task(cpus=need.cpus, gpus=need.gpus, label_selector=self._selector())
        self._tasks[self._call(task, job.function, job.arguments)] = job

    def ended(self, timeout: float) -> Sequence[tuple[Job, Outcome]]:
        """Jobs that have ended, after so many seconds at most."""
        references = [*self._tasks, *(r for g in self._groups.values() for r in g.references)]
        if not references:
            time.sleep(timeout)
            return []
        ready, _ = self._ray.wait(references, num_returns=1, timeout=timeout)
        if ready:  # and whoever else has ended meanwhile
            ready, _ = self._ray.wait(references, num_returns=len(references), timeout=0)
            self._looked = -_NODES_EVERY_S  # one that ended may have had to, with its node
        found = []
        for reference in ready:
            if reference in self._tasks:
                found.append((self._tasks.pop(reference), outcome_of(self._ray, reference)))
        for first, group in list(self._groups.items()):
            if not set(group.references) & set(ready):
                continue
            outcome = group.step(ready)
            if outcome is not None:
                del self._groups[first]
                found.append((group.job, outcome))
        return found

    def under_way(self) -> Sequence[Job]:
        """Those that were handed to Ray and have not ended."""
        return [*self._tasks.values(), *(group.job for group in self._groups.values())]

    def stop(self) -> None:
        """Interrupt every task: it leaves a checkpoint and goes."""
        self._cancel(force=False)

    def kill(self) -> None:
        """End every task's process."""
        self._cancel(force=True)

    def news(self) -> Sequence[tuple[str, str]]:
        """Nodes that came or went since the last call."""
        self._look_at_nodes()
        found, self._news = self._news, []
        return found

    def _cancel(self, *, force: bool) -> None:
        references = [*self._tasks, *(r for g in self._groups.values() for r in g.references)]
        for reference in references:
            self._ray.cancel(reference, force=force)

    def _look_at_nodes(self) -> None:
        if time.monotonic() - self._looked < _NODES_EVERY_S:
            return
        self._looked = time.monotonic()
        leaving = draining_nodes(self._ray)
        alive = [n for n in self._ray.nodes() if n["Alive"] and n["NodeID"] not in leaving]
        now = {node["NodeID"]: str(node["NodeManagerHostname"]) for node in alive}
        for event, names, others in (
            ("node lost", self._nodes, now),
            ("node joined", now, self._nodes),
        ):
            self._news += [(event, names[node]) for node in names.keys() - others.keys()]
        self._nodes = now
        if self._admission is not None:
            self._news += [("node not used", told) for told in self._admission.look(alive)]
            alive = [node for node in alive if self._admission.admits(node["NodeID"])]
        resources = [node["Resources"] for node in alive]
        share = self._share
        before, self._parallel = (
            self._parallel,
            trainings_at_once(resources, cpus=share.cpus, gpus=share.gpus, ranks=share.ranks),
        )
        if before and not self._parallel:
            self._news.append(("node awaited", "none that is left has room for a run"))

    def _selector(self) -> dict[str, str]:
        """Of the nodes that runs may go to, for Ray; empty for all."""
        return {} if self._admission is None else self._admission.selector()

    def _call(self, task: Any, function: Any, arguments: tuple[Any, ...]) -> Any:
        """Hand Ray a call of a function in a worker; returns the reference."""
        return task.remote(self._package, self._ray.cloudpickle.dumps((function, arguments)))

    def _task(self, *, cpus: int, gpus: float, **options: Any) -> Any:
        """The remote function that calls another one with so much of the cluster."""
        # By value: a worker that imported it by name might import another noisyseg.
        self._ray.cloudpickle.register_pickle_by_value(driver_package)
        # A process that has seen one GPU keeps to it, and keeps some of its memory.
        once = {"max_calls": 1} if gpus else {}
        # What is done about a task that died is the scheduler's to decide.
        share = {"num_cpus": cpus, "num_gpus": gpus, "max_retries": 0}
        task = self._ray.remote(**share, **once)(driver_package.call_in_worker)
        return task.options(**options) if options else task
