"""What a suite's runs are and cost, before they are trained."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from noisyseg.bench.config.suite import Suite
from noisyseg.bench.datasets.formats.registry import format_of
from noisyseg.bench.datasets.preparation import CheckedData
from noisyseg.bench.runs.checkpoint_note import Count, noted_or_counted
from noisyseg.bench.runs.detectors import checkpoint_size
from noisyseg.bench.runs.devices import device_here
from noisyseg.bench.runs.estimate import (
    Measured,
    Pace,
    disk_bytes,
    hours,
    measured_pace,
    spread,
    train_iterations,
)
from noisyseg.bench.runs.rehearsal import FOLDER
from noisyseg.bench.runs.run import Run
from noisyseg.results.records.noise_name import noise_name
from noisyseg.results.records.store import RunStore, is_done, is_stopped


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


def suite_plan(
    suite: Suite,
    runs: Sequence[Run],
    store: RunStore,
    *,
    data: CheckedData | None,
    pace: Pace | None,
    note: str | None,
    count: Count = checkpoint_size,
) -> Plan:
    """The plan of a suite.

    Args:
        suite: the part of it that is meant.
        runs: of it; empty if their keys are unknown.
        store: where they lie.
        data: the suite's; None if they are not there.
        pace: of the runs.
        note: why keys are unknown.
        count: what counts the bytes of a checkpoint.
    """
    train, evaluated = _images(suite, data)
    iterations = None if train is None else train_iterations(train, suite.protocol)
    taken, bounds = None, None
    if pace is not None and iterations is not None:
        taken, bounds = hours(iterations, evaluated, pace), spread(iterations, evaluated, pace)
    cost = {"iterations": iterations, "hours": taken}
    problems: list[str] = []
    planned = _of_runs(runs, store, cost, problems) if runs else _of_outline(suite, cost)
    left = [run.hours for run in planned if run.state != "done"]
    known = [spent for spent in left if spent is not None]
    return Plan(
        suite=suite,
        runs=planned,
        done=len(planned) - len(left),
        hours=round(sum(known), 2) if len(known) == len(left) else None,
        spread=bounds,
        disk_bytes=None if data is None else _disk_bytes(suite, planned, store, data, count),
        pace=pace,
        note=note,
        problems=problems,
    )


def pace_of(suite: Suite, store: RunStore, data: CheckedData | None) -> Pace | None:
    """The pace that runs of the store, or else its rehearsals, were measured at."""
    rehearsals = RunStore(store.root / FOLDER)
    return measured_pace(
        [*store.all_records()[0], *rehearsals.all_records()[0]],
        model=suite.model.name,
        protocol=suite.protocol,
        data=None if data is None else data.resolved,
        eval_images=0 if data is None else data.eval_images,
        here=device_here(),
    )


def _images(suite: Suite, data: CheckedData | None) -> tuple[int | None, int]:
    """How many are trained on and evaluated: of the data, else officially; None, 0 if unknown."""
    if data is not None:
        least = suite.protocol["image"]["min_size"]
        return sum(side >= least for side in data.train_sides), data.eval_images
    official = format_of(suite.data).official(suite.data, suite.data_options)
    return (None, 0) if official is None else (official["train"], official["val"])


def _of_runs(
    runs: Sequence[Run], store: RunStore, cost: Mapping[str, Any], problems: list[str]
) -> list[PlannedRun]:
    """One for each key: two labels of one run share it. What is wrong with records is added."""
    planned = []
    for run in {run.key: run for run in runs}.values():
        record, problem = store.peek(run.spec, run.key)
        problems += [problem] if problem else []
        state = "to train"
        if record is not None and not is_stopped(record):
            state = "done" if is_done(record) else "failed"
        planned.append(
            PlannedRun(
                key=run.key,
                state=state,
                method=run.method_label,
                noise=run.noise_label,
                seed=run.seed_label,
                noise_steps=noise_name(run.spec["noise"]),
                **cost,
            )
        )
    return planned


def _of_outline(suite: Suite, cost: Mapping[str, Any]) -> list[PlannedRun]:
    """The grid where no key can be known."""
    return [
        PlannedRun(
            key=None,
            state="unknown",
            method=method,
            noise=noise,
            seed=pair.train if pair.noise == pair.train else f"{pair.noise}/{pair.train}",
            noise_steps=noise_name(_as_spec(steps)),
            **cost,
        )
        for pair in suite.seeds
        for noise, steps in suite.noise.items()
        for method in suite.methods
    ]


def _as_spec(steps: Any) -> Mapping[str, Any] | None:
    """The noise as a suite has it, checked by nobody yet, in the form that `noise_name` takes."""
    if steps is None:
        return None
    entries = steps if isinstance(steps, list) else [steps]
    return {"steps": [_named(entry) for entry in entries if isinstance(entry, Mapping)]}


def _named(step: Mapping[str, Any]) -> dict[str, Any]:
    kind, rate = step.get("type", "unknown"), step.get("rate")
    usable = isinstance(rate, int | float) and 0 <= rate <= 1
    return {"type": str(kind), **({"rate": rate} if usable else {})}


def _disk_bytes(
    suite: Suite,
    planned: Sequence[PlannedRun],
    store: RunStore,
    data: CheckedData,
    count: Count,
) -> Mapping[str, int]:
    left = sum(run.state != "done" for run in planned)
    noisy = {(run.noise, run.seed) for run in planned if suite.noise[run.noise] is not None}
    return disk_bytes(
        runs=left,
        checkpoint=noted_or_counted(suite, len(data.classes), store, count) if left else 0,
        eval_images=data.eval_images,
        noisy_files=len(noisy),
        annotations=data.parts["train"].size,
    )
