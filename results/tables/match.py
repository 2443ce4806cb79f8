"""Every published cell against what was measured: could the paper's number be a run like ours?

The paper tells of no repetition: each of its numbers is of one run. It is tried against the
interval of one more run, for the more seeds are run, the more exact reproductions lie outside of
our mean's.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from noisyseg.results.paper.published import PublishedTable
from noisyseg.results.tables.shown_table import Table

INSIDE, ABOVE, BELOW = "inside", "above", "below"
ONE_SEED, SHARED = "one seed", "seed shared"
NOT_RUN, FAILED, UNKNOWN = "not run", "failed", "unknown"
POSITIONS = (INSIDE, ABOVE, BELOW, ONE_SEED, SHARED, NOT_RUN, FAILED, UNKNOWN)
NOT_COMPARABLE = "not comparable"
INTERVAL = (
    "The paper tells of no repetition: each of its numbers is tried as one run, against the 95 % "
    "prediction interval of one more run of ours with seeds of its own, mean ± t s √(1 + 1/n), or "
    "from the components of spread where our runs share noise seeds or train seeds. The interval "
    "of our mean, which figures show, is narrower. An exact reproduction lies outside in 1 of 20 "
    "cells; in up to 1 of 8 where only two noise seeds, or two train seeds, make most of the "
    "spread of ours."
)
"""Which interval a match is of."""


@dataclass(kw_only=True, slots=True, frozen=True)
class Match:
    """A published cell and where it lies.

    Attributes:
        method: label of the row.
        noise: label of the column.
        metric: what the number is.
        published: the paper's; None if it was not recovered.
        source: where it was read.
        n: seeds measured.
        mean: of them; None without any.
        low: where the 95 % prediction interval of one more run begins; None for fewer than two
            seeds, and where all runs share a noise seed or a train seed.
        high: where it ends.
        position: of the published number: inside, above or below that interval; one seed, or seed
            shared (a noise seed or a train seed by all runs), which have no interval; not run;
            failed; unknown.
        verdict: the position, or "not comparable" where the two are of different things.
    """

    method: str
    noise: str
    metric: str
    published: float | None
    source: str
    n: int
    mean: float | None
    low: float | None
    high: float | None
    position: str
    verdict: str


def match(
    tables: Sequence[Table], published: PublishedTable, *, differences: Sequence[str]
) -> list[Match]:
    """Compare tables of a suite's metrics with the paper's.

    Args:
        tables: one for each metric that the paper's table has.
        published: the paper's table.
        differences: why the two cannot be of the same thing; empty if they can.

    Returns:
        A match for each of the paper's cells, in its order; cells that no table has are not run.
    """
    measured = {
        (row["method"], row["noise"], row["metric"]): row
        for table in tables
        for row in table.cells.to_dict(orient="records")
    }
    matches = []
    for (method, noise, metric), cell in published.cells.items():
        row = measured.get((method, noise, metric))
        position = _position(cell.value, row)
        compared = position in (INSIDE, ABOVE, BELOW, ONE_SEED, SHARED)
        matches.append(
            Match(
                method=method,
                noise=noise,
                metric=metric,
                published=cell.value,
                source=cell.source,
                n=0 if row is None else row["n"],
                position=position,
                verdict=NOT_COMPARABLE if compared and differences else position,
                mean=_number(row, "mean"),
                low=_number(row, "run_low"),
                high=_number(row, "run_high"),
            )
        )
    return matches


def counts(matches: Sequence[Match]) -> dict[str, int]:
    """How many cells have each verdict; those that none has are left out."""
    found = Counter(entry.verdict for entry in matches)
    return {name: found[name] for name in (*POSITIONS, NOT_COMPARABLE) if found[name]}


def _position(published: float | None, row: dict[str, float] | None) -> str:
    if row is None or (not row["n"] and not row["failed"]):
        return NOT_RUN
    if not row["n"]:
        return FAILED
    if published is None:
        return UNKNOWN
    if math.isnan(row["run_low"]):
        return ONE_SEED if row["n"] == 1 else SHARED
    if published < row["run_low"]:
        return BELOW
    return ABOVE if published > row["run_high"] else INSIDE


def _number(row: dict[str, float] | None, name: str) -> float | None:
    return None if row is None or math.isnan(row[name]) else float(row[name])
