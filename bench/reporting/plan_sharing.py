"""What a plan's runs save by training once the epochs that several have in common."""

from collections.abc import Sequence
from dataclasses import replace

from noisyseg.bench.reporting.plan import Plan, PlannedRun, Sharing
from noisyseg.bench.runs.prefixes import epochs_in_common, plan_prefixes
from noisyseg.bench.runs.run import Run
from noisyseg.results.records.store import RunStore


def with_sharing(plan: Plan, runs: Sequence[Run], store: RunStore) -> Plan:
    """The plan as it is carried out if runs share their first epochs; its hours count that.

    Args:
        plan: of these runs, each counted as trained for itself.
        runs: empty if their keys are unknown: then the methods alone tell.
        store: where they lie.
    """
    epochs = int(plan.suite.protocol["epochs"])
    left = [run for run in plan.runs if run.state != "done"]
    if runs:
        keys = {run.key for run in left}
        shared = plan_prefixes([run for run in runs if run.key in keys], store.root)
        spared = {run.key: run.prefix.epochs for run in shared if run.prefix is not None}
        saved = [spared.get(run.key or "", 0) for run in plan.runs]
    else:
        in_common = epochs_in_common(plan.suite.methods, epochs)
        saved = [in_common[run.method] for run in plan.runs]
    planned = [
        _spared(run, count / epochs, plan) for run, count in zip(plan.runs, saved, strict=True)
    ]
    hours = plan.hours
    if hours is not None:
        hours = round(sum(run.hours or 0.0 for run in planned if run.state != "done"), 2)
    trained = len(left) * epochs
    sharing = Sharing(epochs=trained, saved=sum(saved))
    return replace(plan, runs=planned, hours=hours, sharing=sharing)


def _spared(run: PlannedRun, share: float, plan: Plan) -> PlannedRun:
    """The run without the hours of a share of its training."""
    if run.hours is None or run.iterations is None or plan.pace is None:
        return run
    return replace(run, hours=run.hours - share * run.iterations * plan.pace.step / 3600)
