"""One run over several GPUs: its processes on Ray, in a placement group."""

from collections.abc import Callable, Sequence
from typing import Any

from noisyseg.bench.cluster.jobs import Job, Outcome
from noisyseg.bench.cluster.machine import free_address
from noisyseg.bench.cluster.ray_deaths import outcome_of


class RankGroup:
    """The tasks of a job with several ranks: first where they meet, then all of them.

    GPUs of one machine are taken where one has enough, else of several.

    Args:
        ray: connected.
        job: with more than one rank.
        task: makes a remote function of a share of the cluster.
        call: hands Ray a call; returns its reference.
        selector: Ray's, of the nodes that runs may go to; empty for all.
    """

    def __init__(
        self,
        ray: Any,
        job: Job,
        task: Callable[..., Any],
        call: Callable[..., Any],
        selector: dict[str, str],
    ) -> None:
        from ray.util.placement_group import placement_group

        self._ray, self.job, self._task, self._call = ray, job, task, call
        need = job.need
        bundle = {"CPU": need.cpus} | ({"GPU": need.gpus} if need.gpus else {})
        where = [selector] * need.ranks if selector else None
        self._group = placement_group(
            [bundle] * need.ranks, strategy="PACK", bundle_label_selector=where
        )
        self._meeting = self._call(self._of(0, cpus=0, gpus=0), _address_here, ())
        self._ranks: list[Any] = []
        self.reference = self._meeting  # by which the group is known

    @property
    def references(self) -> Sequence[Any]:
        """The tasks that are waited for now."""
        return self._ranks or [self._meeting]

    def step(self, ready: Sequence[Any]) -> Outcome | None:
        """Go on, now that some of the tasks have ended; the job's outcome once it has one.

        That is the first rank's answer, or why another one died.
        """
        if not self._ranks:
            return self._start()
        first = self._ranks[0]
        for reference in [rank for rank in self._ranks if rank in ready]:
            outcome = outcome_of(self._ray, reference)
            if reference is first or outcome.fault is not None or outcome.other is not None:
                return self._over(outcome)
            self._ranks.remove(reference)
        return None

    def _start(self) -> Outcome | None:
        found = outcome_of(self._ray, self._meeting)
        if found.fault is not None or found.other is not None:
            return self._over(found)
        meeting: Any = found.record
        need = self.job.need
        for rank in range(need.ranks):
            function, arguments = self.job.of_rank(rank, meeting)
            task = self._of(rank, cpus=need.cpus, gpus=need.gpus)
            self._ranks.append(self._call(task, function, arguments))
        return None

    def _over(self, outcome: Outcome) -> Outcome:
        """The others end, too: one that waits for a rank that is gone would wait long."""
        from ray.util.placement_group import remove_placement_group

        remove_placement_group(self._group)  # ends the processes in it
        return outcome

    def _of(self, rank: int, *, cpus: int, gpus: float) -> Any:
        from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

        place = PlacementGroupSchedulingStrategy(
            placement_group=self._group, placement_group_bundle_index=rank
        )
        return self._task(cpus=cpus, gpus=gpus, scheduling_strategy=place)


def _address_here() -> str:
    """An address of the machine that calls this, by which others reach it."""
    import ray

    host: str = ray.util.get_node_ip_address()  # type: ignore[no-untyped-call]
    return free_address(host)
