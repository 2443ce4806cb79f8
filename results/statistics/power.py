"""How well seeds tell methods apart: the spread of differences, reliability, power.

M methods were trained with the same n seeds at one noise setting: value = mean + method + seed +
rest, a two-way layout. Two methods are told apart by Student's t of their mean difference at equal
seeds. Its spread is that of the rest of all methods, supposed to be alike, with (M - 1)(n - 1)
degrees of freedom; its level is 5 %, divided by the number of comparisons (Bonferroni). Power is by
the non-central t (Cohen, Statistical Power Analysis, 1988, chapter 2); reliability is the
intraclass correlation of consistency with the interval of McGraw & Wong (Psychological Methods 1,
1996, tables 4 and 7). All of it is of the images that were evaluated: other images are not in it.
"""

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtri, fdtri, nctdtr, stdtrit

from noisyseg.errors import InputError
from noisyseg.results.statistics.intervals import CONFIDENCE, TAILS

POWER = 0.8
MOST_SEEDS = 1000
_Floats = NDArray[np.float64]


class Range(NamedTuple):
    """A number and its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(kw_only=True, slots=True, frozen=True)
class Layout:
    """What methods gave at the same seeds.

    Attributes:
        methods: labels of the M that share seeds.
        seeds: the n that every one of them has.
        values: finite numbers, shape (M, n).
        left_out: (method, seed) of values that others have no counterpart of.
    """

    methods: Sequence[str]
    seeds: Sequence[Hashable]
    values: _Floats
    left_out: Sequence[tuple[str, Hashable]]


@dataclass(kw_only=True, slots=True, frozen=True)
class Spread:
    """Where the variance of a layout lies.

    Attributes:
        methods: M.
        seeds: n.
        cell: standard deviation of a cell over its seeds, pooled over methods.
        difference: standard deviation over seeds of two methods' difference at equal seeds.
        between: standard deviation between methods, what seeds make of it taken off; 0 where they
            make more.
        one_seed: reliability of a table of one seed: the share of its variance between methods
            that is the methods'.
        all_seeds: reliability of the means over the n seeds.
    """

    methods: int
    seeds: int
    cell: float
    difference: Range
    between: float
    one_seed: Range
    all_seeds: Range


def layout_of(values: Mapping[str, Mapping[Hashable, float]]) -> Layout:
    """The methods at the seeds that all of them have.

    Args:
        values: method → seed → number, those that are known. A method without any is left out.
    """
    present = {method: own for method, own in values.items() if own}
    seeds = [
        seed
        for seed in next(iter(present.values()), {})
        if all(seed in own for own in present.values())
    ]
    return Layout(
        methods=list(present),
        seeds=seeds,
        values=np.array([[own[seed] for seed in seeds] for own in present.values()], dtype=float),
        left_out=[(m, seed) for m, own in present.items() for seed in own if seed not in seeds],
    )


def spread_of(values: _Floats) -> Spread:
    """Where the variance of a layout lies.

    Args:
        values: shape (M, n).

    Raises:
        InputError: fewer than two methods or two seeds, or a value that is no finite number.
    """
    if values.ndim != 2 or min(values.shape) < 2:
        raise InputError(f"wanted at least 2 methods with 2 seeds, got an array {values.shape}")
    if not np.isfinite(values).all():
        raise InputError("a value is no finite number: leave its seed out")
    m, n = values.shape
    mean, rows, columns = values.mean(), values.mean(axis=1), values.mean(axis=0)
    rest = values - rows[:, None] - columns[None, :] + mean
    degrees = (m - 1) * (n - 1)
    # Of equal numbers, sums in another order differ in the last bit.
    least = 1e-20 * float(np.square(values).mean())
    ms_methods, ms_rest = (
        0.0 if square <= least else square
        for square in (
            n * float(np.square(rows - mean).sum()) / (m - 1),
            float(np.square(rest).sum()) / degrees,
        )
    )
    ratio = _ratio(ms_methods, ms_rest, m - 1, degrees)
    return Spread(
        methods=m,
        seeds=n,
        cell=math.sqrt(float(values.var(axis=1, ddof=1).mean())),
        difference=_scaled(math.sqrt(2 * ms_rest), degrees),
        between=math.sqrt(max(0.0, (ms_methods - ms_rest) / n)),
        one_seed=Range(*((f - 1) / (f + n - 1) if f < math.inf else 1.0 for f in ratio)),
        all_seeds=Range(*(1 - 1 / f if f else -math.inf for f in ratio)),
    )


def comparisons(methods: int, *, baseline: bool = False) -> int:
    """How many differences a table of methods has: of every two, or of each from a baseline."""
    return methods - 1 if baseline else methods * (methods - 1) // 2


def power_of(difference: float, sd: float, *, seeds: int, methods: int, pairs: int) -> float:
    """How likely a true difference is told from 0.

    Args:
        difference: of two methods' means, above 0.
        sd: standard deviation over seeds of their difference at equal seeds.
        seeds: n, at least 2.
        methods: M of the table, at least 2.
        pairs: comparisons that share the 5 %.
    """
    if sd == 0:
        return 1.0
    degrees = (methods - 1) * (seeds - 1)
    critical = float(stdtrit(degrees, 1 - (1 - CONFIDENCE) / pairs / 2))
    shift = difference * math.sqrt(seeds) / sd
    # That it is told from 0 with the wrong sign is no success, and all but impossible.
    missed = float(nctdtr(degrees, shift, critical))
    return 1 - missed if not math.isnan(missed) else float(shift > critical)


def seeds_needed(difference: float, sd: float, *, methods: int, pairs: int) -> int | None:
    """The fewest seeds, at least 2, that see a true difference at 80 % power.

    Returns:
        None where `MOST_SEEDS` do not.
    """

    def enough(seeds: int) -> bool:
        return power_of(difference, sd, seeds=seeds, methods=methods, pairs=pairs) >= POWER

    if not enough(MOST_SEEDS):
        return None
    low, high = 1, MOST_SEEDS
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def least_seen(sd: float, *, seeds: int, methods: int, pairs: int) -> float:
    """The smallest true difference that so many seeds see at 80 % power.

    Args:
        sd: standard deviation over seeds of two methods' difference at equal seeds.
    """
    low, high = 0.0, max(sd, 1e-12)
    while power_of(high, sd, seeds=seeds, methods=methods, pairs=pairs) < POWER:
        low, high = high, 2 * high
    while high - low > 1e-6 * high:
        middle = (low + high) / 2
        seen = power_of(middle, sd, seeds=seeds, methods=methods, pairs=pairs) >= POWER
        low, high = (low, middle) if seen else (middle, high)
    return high if sd else 0.0


def least_significant(sd: float, *, seeds: int, methods: int, pairs: int) -> float:
    """The smallest measured difference of two means that the test tells from 0."""
    degrees = (methods - 1) * (seeds - 1)
    return float(stdtrit(degrees, 1 - (1 - CONFIDENCE) / pairs / 2)) * sd / math.sqrt(seeds)


def images_part(drawn: _Floats) -> tuple[float, float]:
    """How much other images would change a cell, and a difference of two methods.

    Args:
        drawn: numbers of draws of images, the same for all, shape (draws, M, n); draws in which
            one is no number are left out.

    Returns:
        Standard deviations over draws: of a run's number, and of the difference of two methods'
        means over the n seeds, both pooled.
    """
    known = drawn[np.isfinite(drawn).all(axis=(1, 2))]
    if len(known) < 2:
        return math.nan, math.nan
    means = known.mean(axis=2)
    m = means.shape[1]
    covariance = np.cov(means, rowvar=False).reshape(m, m)
    # The mean over pairs of var(a - b) = var(a) + var(b) - 2 cov(a, b).
    pairs = 2 * (m * np.trace(covariance) - covariance.sum()) / (m * (m - 1)) if m > 1 else math.nan
    return math.sqrt(float(known.var(axis=0, ddof=1).mean())), math.sqrt(max(0.0, float(pairs)))


def _ratio(ms_methods: float, ms_rest: float, above: int, below: int) -> Range:
    """F of methods, and where its 95 % interval begins and ends."""
    if ms_rest == 0:
        value = math.inf if ms_methods else 1.0
        return Range(value, value, value)
    f = ms_methods / ms_rest
    return Range(
        f,
        f / float(fdtri(above, below, TAILS[1])),
        f * float(fdtri(below, above, TAILS[1])),
    )


def _scaled(sd: float, degrees: int) -> Range:
    """A standard deviation of so many degrees of freedom, with its interval."""
    low, high = (sd * math.sqrt(degrees / float(chdtri(degrees, 1 - tail))) for tail in TAILS[::-1])
    return Range(sd, low, high)
