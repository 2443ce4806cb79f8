"""A suite's plan: which runs it has, and what those cost that are left."""

from collections.abc import Mapping, Sequence
from typing import Any

from noisyseg.bench.config.suite import Suite
from noisyseg.bench.datasets.formats.registry import format_of
from noisyseg.bench.datasets.preparation import CheckedData
from noisyseg.bench.reporting.plan import Plan, PlannedRun
from noisyseg.bench.runs.checkpoint_note import Count, noted_or_counted
from noisyseg.bench.runs.detectors import checkpoint_size
from noisyseg.bench.runs.devices import device_here
from noisyseg.bench.runs.estimate import (
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
