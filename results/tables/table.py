"""Methods x noise tables: values over seeds -> summary. Pure functions; `formats` shows them."""

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import TypeAlias

import pandas as pd

from noisyseg.results.statistics.crossed import describe_runs

STATISTICS = ("n", "failed", "mean", "sd", "low", "high", "sd_noise", "sd_train")
"""Of each cell, in the order that files of users have."""
LATER = ("sd_rest", "run_low", "run_high")
"""Those that came later and stand behind all others."""


Cells: TypeAlias = Mapping[tuple[str, str], Mapping[Hashable, tuple[str, float]]]
"""(method, noise) → seed → ("done" or "failed", number); NaN where that is not known. A seed that
is a pair is noise seed (None for clean labels) and train seed."""


def known_numbers(cells: Cells) -> dict[str, dict[str, dict[Hashable, float]]]:
    """Noise → method → seed → number, without those that are not known."""
    found: dict[str, dict[str, dict[Hashable, float]]] = {}
    for (method, noise), cell in cells.items():
        found.setdefault(noise, {})[method] = {
            seed: value for seed, (_, value) in cell.items() if math.isfinite(value)
        }
    return found


def summarise(
    cells: Cells,
    *,
    methods: Sequence[str],
    noises: Sequence[str],
) -> pd.DataFrame:
    """Mean, spread and counts of every cell.

    Args:
        cells: of runs.
        methods: row labels, in order.
        noises: column labels, in order.

    Returns:
        Rows methods; columns (noise, statistic): `n` (seeds with a value), `failed` (runs), `mean`
        (NaN where nothing is known), `sd` (sample standard deviation; NaN for fewer than two
        seeds), and as of `Description` `low` and `high` (the mean's 95 % interval), `run_low` and
        `run_high` (one more run's), `sd_noise`, `sd_train` and `sd_rest` (NaN but for runs of
        several noise seeds with several train seeds, which tell them apart).
    """
    statistics = {
        (method, noise): _statistics(cells.get((method, noise), {}))
        for method in methods
        for noise in noises
    }
    columns = pd.MultiIndex.from_product(
        [noises, (*STATISTICS, *LATER)], names=["noise", "statistic"]
    )
    data = {(n, s): [statistics[m, n][s] for m in methods] for n, s in columns}
    return pd.DataFrame(data, index=pd.Index(methods, name="method"), columns=columns)


def _statistics(outcomes: Mapping[Hashable, tuple[str, float]]) -> dict[str, float]:
    values = {seed: value for seed, (_, value) in outcomes.items() if not math.isnan(value)}
    failed = sum(status == "failed" for status, _ in outcomes.values())
    found = dict.fromkeys((*STATISTICS, *LATER), math.nan) | {"n": len(values), "failed": failed}
    if not values:
        return found
    spread = describe_runs(values)
    known = {name: getattr(spread, name) for name in found if name != "failed"}
    return found | {name: value for name, value in known.items() if value is not None}
