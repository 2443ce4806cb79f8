"""Methods x noise tables: records -> summary. Pure functions; `formats` shows them."""

import math
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from noisyseg.errors import InputError, unknown_name
from noisyseg.results.records.metrics import metric_value
from noisyseg.results.records.record import Record
from noisyseg.results.statistics.intervals import components, describe, is_product

_STATISTICS = ("mean", "sd", "low", "high", "n", "failed", "sd_noise", "sd_train")


@dataclass(frozen=True, slots=True)
class TableEntry:
    """One run of a suite: the cell it belongs to and its record, None while there is none."""

    method_label: str
    noise_label: str
    seed: Hashable
    record: Record | None


def summarise(
    entries: Sequence[TableEntry],
    *,
    methods: Sequence[str],
    noises: Sequence[str],
    metric: str = "segm.AP",
) -> pd.DataFrame:
    """Mean, spread and counts of a metric over the seeds of every cell.

    Args:
        entries: the suite's runs, done or not.
        methods: row labels, in order.
        noises: column labels, in order.
        metric: one of `METRICS`.
    Returns:
        Rows methods; columns (noise, statistic): `mean` (NaN where nothing is known), `sd` (sample
        standard deviation), `low` and `high` (the mean's 95 % interval; all three NaN for fewer
        than two seeds), `n` (seeds with a value), `failed` (runs); of a full product of noise
        seeds and train seeds also `sd_noise` and `sd_train`, what each alone spreads.
    Raises:
        InputError: a label that is not in methods or noises, a label or a run given twice, or no
            such metric.
    """
    for kind, labels in (("method", methods), ("noise", noises)):
        _refuse_repeats(kind, labels)
    cells: dict[tuple[str, str], list[TableEntry]] = {(m, n): [] for m in methods for n in noises}
    for entry in entries:
        if entry.method_label not in methods:
            raise unknown_name("method of a table entry", entry.method_label, methods)
        if entry.noise_label not in noises:
            raise unknown_name("noise of a table entry", entry.noise_label, noises)
        cells[entry.method_label, entry.noise_label].append(entry)
    for cell, runs in cells.items():
        _refuse_repeats(f"seed in {cell}", [run.seed for run in runs])
    values = {
        cell: {run.seed: _outcome(run.record, metric) for run in runs if run.record is not None}
        for cell, runs in cells.items()
    }
    return summarise_values(values, methods=methods, noises=noises)


def summarise_values(
    cells: Mapping[tuple[str, str], Mapping[Hashable, tuple[str, float]]],
    *,
    methods: Sequence[str],
    noises: Sequence[str],
) -> pd.DataFrame:
    """Mean, spread and counts of every cell.

    Args:
        cells: (method, noise) → seed → ("done" or "failed", value); a value that is not known is
            NaN. A seed that is a pair is noise seed (None for clean labels) and train seed.
        methods: row labels, in order.
        noises: column labels, in order.

    Returns:
        As `summarise`.
    """
    statistics = {
        (method, noise): _statistics(cells.get((method, noise), {}))
        for method in methods
        for noise in noises
    }
    columns = pd.MultiIndex.from_product([noises, _STATISTICS], names=["noise", "statistic"])
    data = {(n, s): [statistics[m, n][s] for m in methods] for n, s in columns}
    return pd.DataFrame(data, index=pd.Index(methods, name="method"), columns=columns)


def _outcome(record: Record, metric: str) -> tuple[str, float]:
    value = metric_value(record["metrics"], metric) if record["status"] == "done" else None
    return record["status"], math.nan if value is None else value


def _refuse_repeats(kind: str, labels: Sequence[Hashable]) -> None:
    repeated = [label for label, times in Counter(labels).items() if times > 1]
    if repeated:
        raise InputError(f"{kind} {repeated[0]!r} is given twice: n would count it twice")


def _statistics(outcomes: Mapping[Hashable, tuple[str, float]]) -> dict[str, float]:
    values = {seed: value for seed, (_, value) in outcomes.items() if not math.isnan(value)}
    failed = sum(status == "failed" for status, _ in outcomes.values())
    found = dict.fromkeys(_STATISTICS, math.nan) | {"n": len(values), "failed": failed}
    if not values:
        return found
    spread = describe(list(values.values()))
    known = {"mean": spread.mean, "sd": spread.sd, "low": spread.low, "high": spread.high}
    if is_product(list(values)):
        parts = components(values)  # type: ignore[arg-type]  # pairs, as has just been seen
        known |= {"low": parts.low, "high": parts.high}
        known |= {"sd_noise": parts.sd_noise, "sd_train": parts.sd_train}
    return found | {name: value for name, value in known.items() if value is not None}
