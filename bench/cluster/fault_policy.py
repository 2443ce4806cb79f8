"""What is done about a fault: once more, once more alone, or not again."""

from collections import Counter
from typing import Literal

from noisyseg.results.records.faults import Fault

Step = Literal["again", "alone", "leave"]

_GOES_ON: frozenset[Fault] = frozenset({"node lost", "worker killed", "preempted"})
# What says nothing of the run itself: with more time, or elsewhere, it would have gone on.
_FROM_OUTSIDE: frozenset[Fault] = _GOES_ON | {"interrupted", "terminated", "disk full"}
_MEMORY: frozenset[Fault] = frozenset({"device memory", "host memory"})


def is_from_outside(fault: Fault | None) -> bool:
    """Whether a run that another driver left with this fault is still to be done."""
    return fault in _FROM_OUTSIDE


class FaultPolicy:
    """Decides, run by run.

    Args:
        max_retries: how often in a row a run begins again, without having come further, whose
            process or machine went away. One that left a new checkpoint each time goes on for
            ever: a week on machines that others may take has many ends.
    """

    def __init__(self, max_retries: int) -> None:
        self._most = max_retries
        self._in_a_row: Counter[str] = Counter()
        self._state: dict[str, object] = {}
        self._once: set[tuple[str, str]] = set()

    def after(self, key: str, fault: Fault, progress: object) -> Step:
        """What is done about a run's fault.

        Args:
            key: of the run.
            fault: its kind.
            progress: of its checkpoint; it differs where the run has come further.
        """
        if not self._most:
            return "leave"
        if fault in _GOES_ON:
            if progress != self._state.get(key):
                self._in_a_row[key] = 0
                self._state[key] = progress
            self._in_a_row[key] += 1
            return "again" if self._in_a_row[key] <= self._most else "leave"
        if fault in _MEMORY:
            return "alone" if self._first(key, "memory") else "leave"
        if fault == "hang":
            return "again" if self._first(key, fault) else "leave"
        return "leave"

    def _first(self, key: str, what: str) -> bool:
        seen = (key, what) in self._once
        self._once.add((key, what))
        return not seen
