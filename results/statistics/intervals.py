"""Mean and spread of a number over seeds, with the intervals that so few seeds allow."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

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

    >>> cell = describe([27.0, 28.0, 29.0])
    >>> cell.mean, cell.sd, round(cell.low, 2), round(cell.high, 2)
    (28.0, 1.0, 25.52, 30.48)
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
