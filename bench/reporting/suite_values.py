"""The numbers of a suite's runs by any metric, of its records or of its logs."""

import math
from collections.abc import Hashable, Mapping, Sequence

from noisyseg.bench.reporting.loss_logs import run_reports
from noisyseg.bench.reporting.noise_counts import noise_counts
from noisyseg.bench.runs.run import Run
from noisyseg.errors import InputError, placed, unknown_name
from noisyseg.results.records.loss_at_work import fates
from noisyseg.results.records.metrics import DEFAULT, METRICS, metric_value
from noisyseg.results.records.record import Record
from noisyseg.results.records.store import RunStore, is_done
from noisyseg.results.statistics.derived import (
    DERIVED,
    RELATIVE,
    TOUCHED,
    mean_over_classes,
    relative,
)
from noisyseg.results.statistics.fates import FATES, fate
from noisyseg.results.tables.table import Cells

ALL_METRICS = {**METRICS, **DERIVED}
"""Metric → what it is, in percent."""


def check_any_metric(name: str) -> str:
    """The name, if it is a metric's.

    Raises:
        InputError: it is none.
    """
    if name not in ALL_METRICS:
        raise unknown_name("metric", name, ALL_METRICS)
    return name


def suite_values(runs: Sequence[Run], records: Mapping[str, Record], metric: str) -> Cells:
    """The numbers of the runs that have a record.

    Args:
        runs: of a suite, done or not.
        records: those that there are, by key; clean ones that relative AP needs and that are not
            of `runs` are read from the store.
        metric: one of `ALL_METRICS`; what is wrong with a log is told by `loss_logs`.
    """
    clean = _clean_values(runs, records) if metric == RELATIVE else {}
    cells: dict[tuple[str, str], dict[Hashable, tuple[str, float]]] = {}
    for run in runs:
        record = records.get(run.key)
        if record is None:
            continue
        if metric == RELATIVE:
            value = relative(_value(record, DEFAULT), clean.get((run.method_label, run.seed)))
        elif metric in METRICS:
            found = _value(record, metric)
            value = math.nan if found is None else found
        else:
            value = _derived(run, record, metric) if is_done(record) else math.nan
        cells.setdefault((run.method_label, run.noise_label), {})[run.seeds] = (
            record["status"],
            value,
        )
    return cells


def _clean_values(
    runs: Sequence[Run], records: Mapping[str, Record]
) -> dict[tuple[str, int], float | None]:
    """(method, train seed) → mask AP with clean labels, by the store where no run is of it."""
    found = {
        (run.method_label, run.seed): _value(records.get(run.key), DEFAULT)
        for run in runs
        if run.spec["noise"] is None
    }
    for run in runs:
        place = run.method_label, run.seed
        if place not in found:
            # Left out by a filter, yet the noisy run is told in percent of it.
            store = RunStore(run.folder.parents[2])
            found[place] = _value(store.peek({**run.spec, "noise": None})[0], DEFAULT)
    return found


def _value(record: Record | None, metric: str) -> float | None:
    if record is None or not is_done(record):
        return None
    with placed(f"record of run {record['key']}"):
        return metric_value(record["metrics"], metric)


def _derived(run: Run, record: Record, metric: str) -> float:
    if metric in FATES:
        return _fate(run, record, metric)
    counts = noise_counts(run)
    if counts is None:
        return math.nan
    # The run's own noise, not its setting's: another seed may touch other classes.
    names = set(run.spec["data"]["classes"])
    chosen = names & counts.touched if metric == TOUCHED else names - counts.touched
    return mean_over_classes(record["metrics"].get("per_class", {}), chosen)


def _fate(run: Run, record: Record, metric: str) -> float:
    """By the last box head, where a cascade has several; NaN without a log that tells."""
    if run.spec["noise"] is None:
        return math.nan
    try:
        heads = run_reports(run, record)
    except InputError:
        return math.nan
    return fate([fates(report) for report in heads[-1]], metric)
