"""What a plan of a suite's runs says, before they are trained."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from noisyseg.bench.config.suite import Suite
from noisyseg.bench.runs.estimate import Measured, Pace


@dataclass(kw_only=True, slots=True, frozen=True)
class PlannedRun:
    """A run of the plan.

    Attributes:
        key: None where it cannot be known, for want of data or of weights.
        state: "done", "failed", "to train" or "unknown".
        noise_steps: the noise by its types and rates.
        iterations: of its training; None where the number of images is unknown.
        hours: None where those or the pace are unknown.
    """

    key: str | None
    state: str
    method: str
    noise: str
    seed: int | str
    noise_steps: str
    iterations: int | None
    hours: float | None


@dataclass(kw_only=True, slots=True, frozen=True)
class Sharing:
    """Epochs that several runs have in common and one of them trains.

    Attributes:
        epochs: of all runs that are left, each counted for itself.
        saved: how many of them need not be trained.
    """

    epochs: int
    saved: int


@dataclass(kw_only=True, slots=True, frozen=True)
class Plan:
    """A suite's runs and what is left to do.

    Attributes:
        hours: of the runs that are left; None if any is unknown.
        spread: shares of them that the fastest and the slowest measured run would take.
        disk_bytes: what they leave, by what it is; None if unknown.
        pace: None if unknown.
        note: why the keys are unknown; None if they are not.
        problems: of records that do not hold; their runs are to be trained.
        sharing: what runs save by sharing epochs; None if each trains for itself.
    """

    suite: Suite
    runs: Sequence[PlannedRun]
    done: int
    hours: float | None
    spread: tuple[float, float] | None
    disk_bytes: Mapping[str, int] | None
    pace: Pace | None
    note: str | None
    problems: Sequence[str]
    sharing: Sharing | None = None

    @property
    def hours_between(self) -> tuple[float, float] | None:
        """The hours by the fastest measured run and by the slowest; None where unknown."""
        if self.hours is None or self.spread is None:
            return None
        least, most = (round(self.hours * share, 2) for share in self.spread)
        return least, most

    def total(self, what: str) -> float | None:
        """`device_hours` or `kilowatt_hours` of the runs left, each as the middle measured one.

        Epochs that several have in common count once.
        """
        measured: Measured | None = getattr(self.pace, what, None)
        left = float(len(self.runs) - self.done)
        if self.sharing is not None:
            left -= self.sharing.saved / self.suite.protocol["epochs"]
        return None if measured is None else round(left * measured.middle, 6)

    def document(self) -> dict[str, Any]:
        """The plan as data, for JSON."""
        disk, pace = self.disk_bytes, self.pace
        return {
            "suite": self.suite.name,
            "variant": self.suite.variant,
            "protocol": self.suite.protocol["name"],
            "model": self.suite.model.name,
            "runs": [asdict(run) for run in self.runs],
            "total": {
                "runs": len(self.runs),
                "done": self.done,
                "hours": self.hours,
                "hours_between": self.hours_between,
                "device_hours": self.total("device_hours"),
                "kilowatt_hours": self.total("kilowatt_hours"),
                "disk_bytes": None if disk is None else {**disk, "total": sum(disk.values())},
            },
            "pace": None if pace is None else pace.source,
            "measured": None if pace is None else pace.measured(),
            "sharing": None if self.sharing is None else asdict(self.sharing),
            "note": self.note,
            "problems": list(self.problems),
        }
