"""Methods x noise tables: values over seeds -> summary. Pure functions; `formats` shows them."""

import math
from collections.abc import Hashable, Mapping, Sequence

import pandas as pd

from noisyseg.results.statistics.intervals import components, describe, is_product

_STATISTICS = ("mean", "sd", "low", "high", "n", "failed", "sd_noise", "sd_train")


def summarise(
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
        Rows methods; columns (noise, statistic): `mean` (NaN where nothing is known), `sd` (sample
        standard deviation), `low` and `high` (the mean's 95 % interval; all three NaN for fewer
        than two seeds), `n` (seeds with a value), `failed` (runs); of a full product of noise
        seeds and train seeds also `sd_noise` and `sd_train`, what each alone spreads.
    """
    statistics = {
        (method, noise): _statistics(cells.get((method, noise), {}))
        for method in methods
        for noise in noises
    }
    columns = pd.MultiIndex.from_product([noises, _STATISTICS], names=["noise", "statistic"])
    data = {(n, s): [statistics[m, n][s] for m in methods] for n, s in columns}
    return pd.DataFrame(data, index=pd.Index(methods, name="method"), columns=columns)


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
