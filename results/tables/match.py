"""Every published cell against what was measured: does the paper's number lie in our interval?"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from noisyseg.results.paper.published import PublishedTable
from noisyseg.results.tables.formats import Table

INSIDE, ABOVE, BELOW = "inside", "above", "below"
ONE_SEED, NOT_RUN, FAILED, UNKNOWN = "one seed", "not run", "failed", "unknown"
POSITIONS = (INSIDE, ABOVE, BELOW, ONE_SEED, NOT_RUN, FAILED, UNKNOWN)
NOT_COMPARABLE = "not comparable"


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
        low: where the 95 % interval of the mean begins; None for fewer than two seeds.
        high: where it ends.
        position: of the published number: inside, above or below the measured interval; one seed,
            which has no interval; not run; failed; unknown.
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
        compared = position in (INSIDE, ABOVE, BELOW, ONE_SEED)
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
                **{name: _number(row, name) for name in ("mean", "low", "high")},
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
    if math.isnan(row["low"]):
        return ONE_SEED
    if published < row["low"]:
        return BELOW
    return ABOVE if published > row["high"] else INSIDE


def _number(row: dict[str, float] | None, name: str) -> float | None:
    return None if row is None or math.isnan(row[name]) else float(row[name])
