"""Methods x noise tables: records -> summary -> Markdown. Pure functions."""

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any

import pandas as pd

from noisyseg.errors import InputError, unknown_name
from noisyseg.results.record import Record

MISSING = "—"
_STATISTICS = ("mean", "sd", "n", "failed")


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
        metric: where the number is in a record's metrics, names joined by points.
    Returns:
        Rows methods; columns (noise, statistic): `mean` (NaN where nothing is known), `sd` (sample
        standard deviation, NaN for fewer than two), `n` (seeds with a value), `failed` (runs).
    Raises:
        InputError: a label that is not in methods or noises, a label or a run given twice, or a
            metric the records do not hold.
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
    statistics = {cell: _statistics(runs, metric) for cell, runs in cells.items()}
    columns = pd.MultiIndex.from_product([noises, _STATISTICS], names=["noise", "statistic"])
    data = {(n, s): [statistics[m, n][s] for m in methods] for n, s in columns}
    return pd.DataFrame(data, index=pd.Index(methods, name="method"), columns=columns)


def render_markdown(
    summary: pd.DataFrame,
    title: str,
    *,
    value_name: str = "Mask AP (%)",
    notes: Sequence[str] = (),
) -> str:
    """A summary as a Markdown table under its title.

    A cell reads `29.1 (n=1)`, `29.1 ± 0.4 (n=3)`, `failed`, or `—` where nothing is known yet.

    Args:
        summary: what `summarise` returned; its order is kept.
        title: the heading.
        value_name: what the numbers are, shown above the table.
        notes: what a reader must know, shown below it.
    """
    noises = list(summary.columns.unique("noise"))
    lines = [f"## {_one_line(title)}", "", f"{_one_line(value_name)}: mean ± sd over n seeds.", ""]
    lines.append(_row(["Method", *noises]))
    lines.append("|" + "|".join([":---", *["---:"] * len(noises)]) + "|")
    for method in summary.index:
        cells = [_cell(summary.loc[method, noise]) for noise in noises]
        lines.append(_row([method, *cells]))
    for note in notes:
        lines += ["", _one_line(note)]
    return "\n".join(lines) + "\n"


def _refuse_repeats(kind: str, labels: Sequence[Hashable]) -> None:
    repeated = [label for label, times in Counter(labels).items() if times > 1]
    if repeated:
        raise InputError(f"{kind} {repeated[0]!r} is given twice: n would count it twice")


def _statistics(runs: Sequence[TableEntry], metric: str) -> dict[str, float]:
    records = [run.record for run in runs if run.record is not None]
    done = [record["metrics"] for record in records if record["status"] == "done"]
    values = [value for metrics in done if (value := _value(metrics, metric)) is not None]
    return {
        "mean": fmean(values) if values else float("nan"),
        "sd": stdev(values) if len(values) > 1 else float("nan"),
        "n": len(values),
        "failed": len(records) - len(done),
    }


def _value(metrics: Mapping[str, Any], metric: str) -> float | None:
    found: Any = metrics
    for name in metric.split("."):
        if not isinstance(found, Mapping):
            raise InputError(f"metric {metric!r}: nothing lies under a number at {name!r}")
        if name not in found:
            raise unknown_name("metric", name, found, where=f"metric {metric!r}")
        found = found[name]
    if found is None:
        return None
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise InputError(f"metric {metric!r}: wanted a number, got {type(found).__name__}")
    return float(found)


def _cell(statistics: "pd.Series[Any]") -> str:
    n, failed = int(statistics["n"]), int(statistics["failed"])
    if n == 0:
        return "failed" if failed else MISSING
    spread = f" ± {statistics['sd']:.1f}" if n > 1 else ""
    lost = f", {failed} failed" if failed else ""
    return f"{statistics['mean']:.1f}{spread} (n={n}{lost})"


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(_one_line(cell).replace("|", r"\|") for cell in cells) + " |"


def _one_line(text: str) -> str:
    return " ".join(str(text).split())
