"""The tables of a suite's page: its mask AP, and of others those that say something new."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from noisyseg.bench.reporting.suite_power import comparable
from noisyseg.bench.reporting.suite_results import SuiteResults
from noisyseg.bench.reporting.suite_table import suite_table
from noisyseg.bench.reporting.suite_values import suite_values
from noisyseg.results.records.metrics import DEFAULT
from noisyseg.results.statistics.differences import differences_of
from noisyseg.results.statistics.fates import BEST, FATES
from noisyseg.results.tables.shown_table import Table
from noisyseg.results.tables.table import Cells, known_numbers

METRICS = (
    *(DEFAULT, "agnostic.AP", "matched.accuracy", "touched.AP", "untouched.AP"),
    *("segm.AP50", "segm.AP75", "bbox.AP", "agnostic.AR100", "relative.AP"),
    *FATES,
)
"""Of the page's tables, those that others are held against first."""
_KIN = {
    **dict.fromkeys(("segm.AP50", "segm.AP75", "bbox.AP", "relative.AP"), DEFAULT),
    "agnostic.AR100": "agnostic.AP",
    **{metric: metric.removesuffix(BEST) for metric in FATES if metric.endswith(BEST)},
}
"""Metric → the one that is much the same: shown only if it tells more of methods than that."""
_Apart = set[tuple[str, str, str]]
Numbers = dict[tuple[str, str], tuple[float, int]]
"""(method, noise) → mean and n."""


@dataclass(slots=True)
class PageTables:
    """The tables of a page.

    Attributes:
        shown: metric → table, without columns that nobody has a number in.
        left_out: metric → the one that says the same.
    """

    shown: dict[str, Table] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)


def page_tables(results: SuiteResults) -> PageTables:
    """Tables of the metrics that some run has.

    A table is left out if all its numbers are another's, or if it tells no two methods apart that
    the metric which is much the same does not.
    """
    found, apart = PageTables(), dict[str, _Apart]()
    numbers: dict[str, Numbers] = {}
    for metric in METRICS:
        table = suite_table(results.suite, results.runs, results.records, metric=metric)
        known: Numbers = {
            (row["method"], row["noise"]): (round(row["mean"], 6), row["n"])
            for row in table.cells.to_dict(orient="records")
            if row["n"]
        }
        if not known:
            continue
        values = comparable(
            suite_values(results.runs, results.records, metric), metric, results.suite
        )
        apart[metric] = _told_apart(values)
        same = next((name for name in found.shown if known.items() <= numbers[name].items()), None)
        kin = _KIN.get(metric)
        if same is None and kin in apart and apart[metric] <= apart[kin]:
            same = kin
        if same is not None:
            found.left_out[metric] = same
            continue
        numbers[metric] = known
        found.shown[metric] = _without_empty(table)
    return found


def _told_apart(values: Cells) -> _Apart:
    """(noise, the higher method, the lower one) of each pair that the seeds tell apart."""
    return {
        (noise, *((pair.one, pair.other) if pair.mean > 0 else (pair.other, pair.one)))
        for noise, of_methods in known_numbers(values).items()
        for pair in differences_of(of_methods).known
        if pair.apart
    }


def _without_empty(table: Table) -> Table:
    """Without the noise settings in which no run has the number or failed."""
    held = table.cells.groupby("noise")[["n", "failed"]].transform("sum").sum(axis=1) > 0
    return replace(table, cells=table.cells[held])


def left_out_texts(found: PageTables, names: Mapping[str, str]) -> list[str]:
    """A sentence for each table that others are left out for.

    Args:
        found: the tables.
        names: metric → what it is called.
    """
    by_kin: dict[str, list[str]] = {}
    for metric, kin in found.left_out.items():
        by_kin.setdefault(kin, []).append(f"{names[metric].removesuffix(' (%)')} ({metric})")
    texts = []
    for kin, metrics in by_kin.items():
        tell = "they tell" if len(metrics) > 1 else "it tells"
        named = f"{'; '.join(metrics)}: no table here, for {tell} no more of the methods"
        texts.append(f"{named} than {names[kin].removesuffix(' (%)')}.")
    return texts
