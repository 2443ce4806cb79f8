"""The runs that have not begun: the longest first, those that begin from another's start later."""

import heapq
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import count

from noisyseg.bench.runs.heartbeat import read_heartbeat
from noisyseg.bench.runs.prefix import Prefix, prefix_ready
from noisyseg.bench.runs.run import Run


class WaitingRuns:
    """A queue. With the longest first, the last to end leave the fewest places idle.

    Args:
        runs: all.
        seconds: how long a run takes, as far as is known.
    """

    def __init__(self, runs: Sequence[Run], seconds: Callable[[Run], float | None]) -> None:
        self._order = count()
        self._heap: list[tuple[float, int, Run]] = []
        self._last: list[Run] = []
        known = [(run, seconds(run)) for run in runs]
        lengths = [length for _, length in known if length is not None]
        # A run of unknown length may be the longest.
        most = max(lengths, default=0.0)
        self._lengths = {run.key: most if length is None else length for run, length in known}
        self._behind: dict[str, list[Run]] = defaultdict(list)
        for run in runs:
            self.add(run)

    def __len__(self) -> int:
        """How many, those that wait for another included."""
        return len(self._heap) + len(self._last) + sum(map(len, self._behind.values()))

    def __iter__(self) -> Iterator[Run]:
        """All, roughly in the order in which they will begin."""
        yield from (run for _, _, run in self._heap)
        for runs in self._behind.values():
            yield from runs
        yield from self._last

    def add(self, run: Run) -> None:
        """Let a run begin in its turn."""
        heapq.heappush(self._heap, (-self._lengths[run.key], next(self._order), run))

    def add_last(self, run: Run) -> None:
        """Let a run begin when all others have."""
        self._last.append(run)

    def hold_back(self, trunks: Mapping[str, str]) -> None:
        """Let runs wait for others; both by their keys."""
        held = [entry for entry in self._heap if entry[2].key in trunks]
        self._heap = [entry for entry in self._heap if entry[2].key not in trunks]
        heapq.heapify(self._heap)
        for _, _, run in held:
            self._behind[trunks[run.key]].append(run)

    def release_ready(self, trunk: Run, *, elsewhere: bool = False) -> None:
        """Let runs begin that wait for a run's first epochs, where these lie there.

        Args:
            trunk: the run.
            elsewhere: whether another driver has it done, which may share nothing: an epoch later
                nothing is waited for any more.
        """
        free = [
            run
            for run in self._behind.get(trunk.key, ())
            if run.prefix is None
            or prefix_ready(run.prefix)
            or (elsewhere and _is_past(trunk, run.prefix))
        ]
        if free:
            self.release(trunk.key, free)

    def release_all(self, trunk: str) -> None:
        """Let every run begin that waits for this one: it has ended."""
        if trunk in self._behind:
            self.release(trunk, list(self._behind[trunk]))

    def release(self, trunk: str, runs: Iterable[Run]) -> None:
        """Let some of the runs begin that wait for this one."""
        free = {run.key for run in runs}
        self._behind[trunk] = [run for run in self._behind[trunk] if run.key not in free]
        for run in runs:
            self.add(run)
        if not self._behind[trunk]:
            del self._behind[trunk]

    def take(self) -> Run | None:
        """The next one; None where none may begin."""
        if self._heap:
            return heapq.heappop(self._heap)[2]
        return self._last.pop(0) if self._last else None


def _is_past(trunk: Run, prefix: Prefix) -> bool:
    """Whether a run is an epoch beyond what it was to leave."""
    state = read_heartbeat(trunk.folder)
    return state is not None and state["epoch"] >= prefix.epochs + 1
