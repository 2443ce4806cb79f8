"""Mean and spread of a number over seeds, with the intervals that so few seeds allow; ranks."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit  # all of scipy.stats takes a second to import

from noisyseg.errors import InputError

CONFIDENCE = 0.95
TAILS = ((1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2)
DECIMALS = 9  # of a percent point: below them two sums of the same numbers may differ


@dataclass(kw_only=True, slots=True, frozen=True)
class Description:
    """A number over n runs.

    Attributes:
        n: how many values there are.
        mean: of them.
        sd: sample standard deviation; None for fewer than two.
        low: where the mean's 95 % interval begins: of the mean over all seeds that there might be.
            None for fewer than two values, which say nothing about how much another would change,
            and where all share a noise seed or a train seed.
        high: where it ends.
        run_low: where the 95 % prediction interval of one more run begins, which has a noise seed
            and a train seed of its own; None where `low` is.
        run_high: where it ends.
        sd_noise: how much another noise seed alone would change a run; None, as the next two, where
            the runs do not tell the three apart.
        sd_train: how much another train seed alone would.
        sd_rest: what neither explains, such as a GPU's order of adding.
    """

    n: int
    mean: float
    sd: float | None
    low: float | None
    high: float | None
    run_low: float | None
    run_high: float | None
    sd_noise: float | None = None
    sd_train: float | None = None
    sd_rest: float | None = None


def describe(values: Sequence[float]) -> Description:
    """Mean, spread and intervals of at least one finite number, all of independent runs.

    Intervals are Student's of n - 1 degrees of freedom: t s √(1/n) for the mean, t s √(1 + 1/n) for
    one more run.

    Raises:
        InputError: no value, or one that is no finite number.
    """
    if not values:
        raise InputError("no value to describe: wanted at least one")
    for value in values:
        if not math.isfinite(value):
            raise InputError(f"a value is {value}: wanted finite numbers")
    n, mean = len(values), fmean(values)
    if n == 1:
        return around(mean, n=1, sd=None, half=math.nan, half_run=math.nan)
    sd = stdev(values)
    t = float(stdtrit(n - 1, TAILS[1]))
    return around(
        mean, n=n, sd=sd, half=t * sd / math.sqrt(n), half_run=t * sd * math.sqrt(1 + 1 / n)
    )


def around(mean: float, *, n: int, sd: float | None, half: float, half_run: float) -> Description:
    """A description by half the widths of the two intervals; NaN where there is none."""
    if math.isnan(half):
        return Description(n=n, mean=mean, sd=sd, low=None, high=None, run_low=None, run_high=None)
    return Description(
        n=n,
        mean=mean,
        sd=sd,
        low=mean - half,
        high=mean + half,
        run_low=mean - half_run,
        run_high=mean + half_run,
    )


class Rank(NamedTuple):
    """A rank, 1 the best, and where its 95 % interval over draws begins and ends."""

    rank: float
    low: float
    high: float


def ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ranks of the highest to the lowest, from 1; equal values share the mean of theirs.

    Args:
        values: finite numbers, shape (…, M), ranked along the last axis.
    """
    own = np.round(values, DECIMALS)[..., :, None]
    others = own.swapaxes(-1, -2)
    above, equal = (others > own).sum(axis=-1), (others == own).sum(axis=-1)
    return np.asarray(above + (equal + 1) / 2, dtype=np.float64)


def rank_intervals(
    draws: NDArray[np.float64], names: Sequence[str], *, values: Sequence[float] | None = None
) -> dict[str, Rank]:
    """Each method's rank, with a percentile interval whose ends are ranks that a draw gave.

    Args:
        draws: of a bootstrap, shape (B, M); one in which a method has no number is left out.
        names: of the M methods.
        values: what the rank itself is of, M numbers; the means over the draws when None.

    Raises:
        InputError: shapes that do not fit, or no draw in which every method has a number.
    """
    if draws.ndim != 2 or draws.shape[1] != len(names):
        raise InputError(f"wanted draws of {len(names)} methods, got an array {draws.shape}")
    known = draws[np.isfinite(draws).all(axis=1)]
    if not len(known):
        raise InputError(f"none of {len(draws)} draws has a number for every method: draw more")
    own = ranks(known.mean(axis=0) if values is None else np.asarray(values, dtype=np.float64))
    drawn = ranks(known)
    # Not interpolated: between the ranks 1 and 2 there is none.
    low = np.quantile(drawn, TAILS[0], axis=0, method="lower")
    high = np.quantile(drawn, TAILS[1], axis=0, method="higher")
    return {
        name: Rank(float(own[place]), float(low[place]), float(high[place]))
        for place, name in enumerate(names)
    }
