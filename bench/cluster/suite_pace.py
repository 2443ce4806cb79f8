"""How long runs take, and so how long until the last of them has ended."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from noisyseg.bench.runs.heartbeat import EVALUATION
from noisyseg.bench.runs.run import STEP
from noisyseg.results.records.record import Record
from noisyseg.results.records.store import is_done

_NONE = 1e-6  # what sums of parts of runs may leave of none
UnderWay = tuple[str, Mapping[str, Any]]
"""The kind of a run, and the state that its heartbeat tells."""


class SuitePace:
    """Learns from runs that end; asks those under way.

    Runs of a kind take alike; a kind of which nothing is known takes as long as the others.
    """

    def __init__(self) -> None:
        self._seconds: dict[str, list[float]] = defaultdict(list)
        self._rest: list[float] = []

    def ended(self, kind: str, record: Record, epochs: int) -> None:
        """A run has ended; of one that failed nothing is learnt.

        Args:
            kind: of the run.
            record: its own; epochs that it was spared are counted as if it had done them.
            epochs: of a whole training.
        """
        if not is_done(record):
            return
        timings = record["timings"]
        training = timings.get("training", 0.0)
        rest = sum(timings.values()) - training - timings.get(STEP, 0.0)
        spared = _epochs_spared(record)
        self._rest.append(rest)
        if spared < epochs:
            self._seconds[kind].append(training * epochs / (epochs - spared) + rest)

    def left(
        self, under_way: Iterable[UnderWay], waiting: Mapping[str, float], slots: int
    ) -> float | None:
        """Seconds until all have ended; None as long as nothing is measured.

        Args:
            under_way: runs that have begun.
            waiting: kind → how many have not; one that begins from another's first epochs is a
                part of one.
            slots: runs at a time.
        """
        rest = _mean(self._rest) or 0.0
        seconds = {kind: list(known) for kind, known in self._seconds.items()}
        left: list[float] = []
        whole = dict(waiting)  # runs of which all is left, as far as is known
        for kind, state in under_way:
            seconds_left = state.get("seconds_left")
            if seconds_left is not None:
                left.append(seconds_left + rest)
                if state["epoch"] < state["epochs"]:
                    seconds.setdefault(kind, []).append(_projected(state) + rest)
            elif state.get("stage") == EVALUATION:
                left.append(rest)
            else:
                whole[kind] = whole.get(kind, 0.0) + 1
        whole = {kind: number for kind, number in whole.items() if number > _NONE}
        average = _mean([value for known in seconds.values() for value in known])
        if average is None:
            return None if whole or left else 0.0
        pace = {kind: _mean(seconds.get(kind, [])) or average for kind in whole}
        work = sum(left) + sum(number * pace[kind] for kind, number in whole.items())
        return max(work / max(slots, 1), *left, *pace.values(), 0.0)


def _epochs_spared(record: Record) -> int:
    """By a checkpoint, of its own or of another run's."""
    lineage = record["lineage"]
    if not isinstance(lineage, dict):
        return 0
    branched = (lineage.get("branched_from") or {}).get("epochs", 0)
    return max(int(lineage.get("resumed_from_epoch") or 0), int(branched))


def _projected(state: Mapping[str, Any]) -> float:
    """Seconds of a whole training, by what is left of it and how much of it that is."""
    left: float = state["seconds_left"]
    return left / (state["epochs"] - state["epoch"]) * state["epochs"]


def _mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None
