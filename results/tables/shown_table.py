"""What a table shows: its cells with the paper's numbers beside them, heads and notes."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import pandas as pd

from noisyseg.results.paper.published import PublishedTable
from noisyseg.results.tables.table import LATER, STATISTICS


@dataclass(kw_only=True, slots=True, frozen=True, eq=False)
class Table:
    """What a table shows.

    Attributes:
        title: its heading.
        value_name: what its numbers are.
        cells: a row per cell, methods by noise settings in the table's order, with the columns
            method, noise, metric, n, failed, mean, sd, low, high (the mean's 95 % interval),
            sd_noise, sd_train (of noise seeds with train seeds: what each alone spreads),
            published, source, difference (of the mean from the published number), sd_rest (what
            neither seed spreads), run_low, run_high (one more run's 95 % interval). Numbers that
            are not known are NaN, a source that is not there is None.
        notes: what a reader must know.
        remark: what the caption ends with.
        groups: noise setting → kind and rate in [0, 1], for heads of columns that belong together.
        standings: (method, noise, metric) → best or tie, as `standings` says.
    """

    title: str
    value_name: str
    cells: pd.DataFrame
    notes: Sequence[str]
    remark: str = ""
    groups: Mapping[str, tuple[str, float]] = field(default_factory=dict)
    standings: Mapping[tuple[str, str, str], str] = field(default_factory=dict)

    @property
    def methods(self) -> list[str]:
        """Labels of the rows."""
        return list(dict.fromkeys(self.cells["method"]))

    @property
    def noises(self) -> list[str]:
        """Labels of the noise settings."""
        return list(dict.fromkeys(self.cells["noise"]))

    @property
    def columns(self) -> list[tuple[str, str]]:
        """Noise setting and metric of each column."""
        pairs = zip(self.cells["noise"], self.cells["metric"], strict=True)
        return list(dict.fromkeys(pairs))

    @property
    def heads(self) -> list[str]:
        """What the columns are headed by: the metric only where it is not the first one's."""
        first = self.columns[0][1]
        return [
            f"{noise}{'' if metric == first else f', {metric}'}" for noise, metric in self.columns
        ]


def table_of(
    summary: pd.DataFrame,
    *,
    title: str,
    metric: str,
    value_name: str,
    notes: Sequence[str] = (),
    remark: str = "",
    published: PublishedTable | None = None,
) -> Table:
    """A table of what `summarise` gave, beside the paper's numbers if it has some.

    Args:
        summary: rows methods, columns (noise, statistic).
        title: the heading.
        metric: which the summary is of.
        value_name: what to call it.
        notes: what a reader must know.
        remark: what the caption ends with.
        published: the paper's table.
    """
    rows = []
    for method in summary.index:
        for noise in summary.columns.unique("noise"):
            known = None if published is None else published.cell(method, noise, metric)
            value = math.nan if known is None or known.value is None else known.value
            own = summary.loc[method, noise]
            rows.append(
                {
                    **{"method": method, "noise": noise, "metric": metric},
                    **{name: own[name] for name in STATISTICS},
                    "published": value,
                    "source": None if known is None else known.source,
                    "difference": own["mean"] - value,
                    **{name: own[name] for name in LATER},
                }
            )
    cells = pd.DataFrame(rows)
    # As objects, or pandas makes NaN of None.
    cells["source"] = pd.Series([row["source"] for row in rows], dtype=object)
    cells[["n", "failed"]] = cells[["n", "failed"]].astype(int)
    return Table(title=title, value_name=value_name, cells=cells, notes=notes, remark=remark)


def beside(table: Table, others: Sequence[Table]) -> Table:
    """A table with the columns of others behind its own, those left out that hold no run.

    Args:
        table: whose title, remark and notes it keeps.
        others: of the same runs by other metrics; their notes and remarks follow.
    """
    cells, silent = [table.cells], []
    for other in others:
        held = other.cells.groupby("noise")[["n", "failed"]].transform("sum").sum(axis=1) > 0
        cells.append(other.cells[held])
        if not held.any():
            silent.append(f"{_metric(other)}: no run has this number.")
    shown = [other for other in others if (other.cells[["n", "failed"]].sum(axis=1) > 0).any()]
    names = [f"{_metric(other)}: {other.value_name}" for other in shown]
    more = [
        f"{_metric(other)}: {text}"
        for other in others
        for text in [*([other.remark] if other.remark else []), *other.notes]
        if text not in table.notes
    ]
    return replace(
        table,
        value_name="; ".join([table.value_name, *names]),
        cells=pd.concat(cells, ignore_index=True),
        notes=[*table.notes, *more, *silent],
        standings={cell: mark for one in (table, *others) for cell, mark in one.standings.items()},
    )


def _metric(table: Table) -> str:
    name: str = table.cells["metric"].iloc[0]
    return name
