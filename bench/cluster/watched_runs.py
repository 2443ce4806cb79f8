"""What a display knows of the runs that it tells of: how many are what, and how far they are."""

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from noisyseg.bench.cluster.run_row import duration
from noisyseg.bench.cluster.suite_pace import SuitePace
from noisyseg.bench.runs.heartbeat import EVALUATION, read_heartbeat
from noisyseg.bench.runs.run import Run
from noisyseg.results.records.record import Record
from noisyseg.results.records.store import is_done, is_stopped


@dataclass(kw_only=True, slots=True, frozen=True)
class Tally:
    """How many runs are what.

    Attributes:
        elsewhere: of those that have ended, how many another driver did.
    """

    waiting: int
    running: int
    done: int
    failed: int
    elsewhere: int = 0

    def __str__(self) -> str:
        ended = f"{self.done} done" + (f", {self.failed} failed" if self.failed else "")
        elsewhere = f" ({self.elsewhere} by another driver)" if self.elsewhere else ""
        return f"{self.waiting} waiting, {self.running} running, {ended}{elsewhere}"


@dataclass(kw_only=True, slots=True, frozen=True)
class Look:
    """What was seen at one time.

    Attributes:
        under_way: labels of the runs that have begun, each with the state of its heartbeat.
        seconds_left: until the last run will have ended; None: not known yet.
        elapsed: seconds since the start; None: of whoever did not see it.
    """

    under_way: Sequence[tuple[str, Mapping[str, Any]]]
    tally: Tally
    seconds_left: float | None
    elapsed: float | None = None

    @property
    def head(self) -> str:
        """The look in a line."""
        so_far = "" if self.elapsed is None else f"{duration(self.elapsed)} so far, "
        seconds = self.seconds_left
        left = "time left not known yet" if seconds is None else f"about {duration(seconds)} left"
        return f"{self.tally}; {so_far}{left}"


class WatchedRuns:
    """Counts the runs that have ended and looks at those under way."""

    def __init__(self) -> None:
        self.total = self.ended_count = 0
        self.parallel = 1
        self._began = time.monotonic()
        self._done = self._failed = self._elsewhere = 0
        self._whole: defaultdict[str, float] = defaultdict(float)
        self._pace = SuitePace()

    def start(self, runs: Sequence[Run], *, parallel: int) -> None:
        """These runs will be told of, so many of them at a time."""
        self.total, self.parallel = len(runs), min(parallel, len(runs))
        for run in runs:
            self._whole[run.method_label] += _share(run)
        self._began = time.monotonic()

    def ended(self, run: Run, record: Record, *, elsewhere: bool) -> None:
        """A run has ended, or was stopped: then it waits."""
        if is_stopped(record):
            return
        self.ended_count += 1
        self._done += is_done(record)
        self._failed += not is_done(record)
        self._elsewhere += elsewhere
        self._whole[run.method_label] -= _share(run)
        self._pace.ended(run.method_label, record, run.spec["protocol"]["epochs"])

    @property
    def end(self) -> str:
        """What they have come to, in a line."""
        return f"{self._tally(0)} after {duration(time.monotonic() - self._began)}"

    def look(self, waiting: Iterable[Run]) -> Look:
        """How far the runs are.

        Args:
            waiting: those that have not ended, the ones that may be under way first. Once twice
                as many as train at a time have turned out not to be, no more are looked at: of
                thousands of others no file is opened.
        """
        seen = list(self._under_way(waiting))
        left = dict(self._whole)
        for run, _ in seen:
            left[run.method_label] -= _share(run)
        states = [(run.method_label, state) for run, state in seen]
        slots = max(self.parallel, sum(state["stage"] != EVALUATION for _, state in states))
        return Look(
            under_way=[(run.label, state) for run, state in seen],
            tally=self._tally(len(seen)),
            seconds_left=self._pace.left(states, left, slots),
            elapsed=time.monotonic() - self._began,
        )

    def _under_way(self, waiting: Iterable[Run]) -> Iterator[tuple[Run, dict[str, Any]]]:
        still = 0
        for run in waiting:
            state = read_heartbeat(run.folder)
            if state is not None:
                yield run, state
                continue
            still += 1
            if still >= 2 * self.parallel:
                return

    def _tally(self, running: int) -> Tally:
        return Tally(
            waiting=self.total - self.ended_count - running,
            running=running,
            done=self._done,
            failed=self._failed,
            elsewhere=self._elsewhere,
        )


def _share(run: Run) -> float:
    """How much of a whole training a run is that begins from another's first epochs."""
    return 1.0 if run.prefix is None else 1 - run.prefix.epochs / run.spec["protocol"]["epochs"]
