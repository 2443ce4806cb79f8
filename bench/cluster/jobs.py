"""What the scheduler asks of a place where runs are done: Ray, or processes of this machine."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from noisyseg.bench.cluster.driver_package import OtherPackage
from noisyseg.bench.runs.run import Resources, Run
from noisyseg.results.records.faults import Fault
from noisyseg.results.records.record import Record


@dataclass(kw_only=True, slots=True, frozen=True)
class Need:
    """What a job takes of one machine.

    Attributes:
        cpus, gpus: of each of its processes.
        ranks: processes that train the run together.
    """

    cpus: int
    gpus: float = 0
    ranks: int = 1


@dataclass(kw_only=True, slots=True, frozen=True, eq=False)
class Job:
    """A part of a run's work, for one process, or for several that train it together.

    Attributes:
        function: called in a worker with `arguments`; its answer is the run's record, or None
            where the run is trained and not evaluated.
        assist: what the other processes of a run call with the same arguments; None for one.
    """

    run: Run
    part: str
    need: Need
    function: Callable[..., Record | None]
    arguments: tuple[Any, ...]
    assist: Callable[..., None] | None = None

    def of_rank(self, rank: int, meeting: str) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        """What one of several processes calls: `Resources` among the arguments say which it is."""
        told = tuple(
            replace(value, rank=rank, ranks=self.need.ranks, meeting=meeting)
            if isinstance(value, Resources)
            else value
            for value in self.arguments
        )
        call = self.function if rank == 0 else self.assist
        assert call is not None
        return call, told


@dataclass(kw_only=True, slots=True, frozen=True)
class Outcome:
    """What became of a job.

    Attributes:
        record: its answer; None if it has none, or died.
        fault, kind, message: why its process could not answer; None if it could.
        detail: all that is known of that.
        other: what is in noisyseg's place on the worker's machine; None if all is well.
    """

    record: Record | None = None
    fault: Fault | None = None
    kind: str = ""
    message: str = ""
    detail: str = ""
    other: OtherPackage | None = None


class Jobs(Protocol):
    """A place where jobs are done."""

    def warm_up(self, workers: int) -> None:
        """Let so many workers import what a run needs, where that can be foreseen."""

    def room(self) -> int:
        """How many more trainings could begin now."""

    def begin(self, job: Job) -> None:
        """Let a job be done as soon as there is what it needs."""

    def ended(self, timeout: float) -> Sequence[tuple[Job, Outcome]]:
        """Jobs that have ended, after so many seconds at most."""

    def under_way(self) -> Sequence[Job]:
        """Those that have begun and not ended."""

    def stop(self) -> None:
        """Ask every job to leave a checkpoint and go."""

    def kill(self) -> None:
        """End every job at once."""

    def news(self) -> Sequence[tuple[str, str]]:
        """What happened since the last call: (event of the journal, node)."""
