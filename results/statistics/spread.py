"""Where the variance of a table's runs lies: methods, seeds, the rest, evaluation images.

M methods were trained with the same n seeds at one noise setting: value = mean + method + seed +
rest, a two-way layout. Reliability is the intraclass correlation of consistency with the interval
of McGraw & Wong (Psychological Methods 1, 1996, tables 4 and 7).
"""

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtri, fdtri

from noisyseg.errors import InputError
from noisyseg.results.statistics.differences import Values, degrees_of, independent
from noisyseg.results.statistics.intervals import TAILS

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
        seeds: the n that every one of them has; no two share a noise or a train seed.
        values: finite numbers, shape (M, n).
        left_out: (method, seed) of numbers that are not among them.
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
        degrees: of freedom of what follows.
        difference: standard deviation over seeds of two methods' difference at equal seeds, the
            root of its mean square over pairs.
        between: standard deviation between methods, what seeds make of it taken off; 0 where they
            make more.
        one_seed: reliability of a table of one seed: the share of its variance between methods
            that is the methods'.
        all_seeds: reliability of the means over the n seeds.
    """

    methods: int
    seeds: int
    degrees: float
    difference: Range
    between: float
    one_seed: Range
    all_seeds: Range


def layout_of(values: Values) -> Layout:
    """The methods and the seeds in common that tell most: (M - 1)(n - 1) is largest.

    Args:
        values: those that are known. A method that lacks most seeds is left out, not they.
    """
    present = {method: own for method, own in values.items() if own}
    best: list[str] = []
    seeds: list[Hashable] = []
    for shared in _seed_sets(present):
        some = [method for method, own in present.items() if all(seed in own for seed in shared)]
        if _worth(len(some), len(shared)) > _worth(len(best), len(seeds)):
            best, seeds = some, list(shared)
    return Layout(
        methods=best,
        seeds=seeds,
        values=np.array([[present[m][seed] for seed in seeds] for m in best], dtype=float),
        left_out=[
            (m, s) for m, own in present.items() for s in own if m not in best or s not in seeds
        ],
    )


def _seed_sets(present: Values) -> list[tuple[Hashable, ...]]:
    """Seeds that a layout may have: those of a method, of two methods or of all in common."""
    methods = list(present.values())
    sets = [[seed for seed in own if seed in other] for own in methods for other in methods]
    sets += [[seed for seed in own if all(seed in o for o in methods)] for own in methods[:1]]
    return list(dict.fromkeys(tuple(independent(seeds)) for seeds in sets))


def _worth(methods: int, seeds: int) -> tuple[int, int, int]:
    return (methods - 1) * (seeds - 1) if methods and seeds else -1, methods * seeds, methods


def cell_spread(values: Values) -> float:
    """Standard deviation of a cell over its seeds, pooled over methods; NaN without two seeds."""
    rows = [[own[seed] for seed in independent(own)] for own in values.values()]
    known = [np.array(row) for row in rows if len(row) > 1]
    if not known:
        return math.nan
    squares = sum(float(np.square(row - row.mean()).sum()) for row in known)
    return math.sqrt(squares / sum(len(row) - 1 for row in known))


def spread_of(values: _Floats, *, prior: float = math.inf) -> Spread:
    """Where the variance of a layout lies.

    Args:
        values: shape (M, n).
        prior: degrees of freedom of the spread that all pairs have in common; where pairs spread
            differently, fewer stand behind the intervals.

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
    # Of equal numbers, sums in another order differ in the last bit.
    least = 1e-20 * float(np.square(values).mean())
    ms_methods, ms_rest = (
        0.0 if square <= least else square
        for square in (
            n * float(np.square(rows - mean).sum()) / (m - 1),
            float(np.square(rest).sum()) / ((m - 1) * (n - 1)),
        )
    )
    degrees = degrees_of(n, methods=m, prior=prior)
    ratio = _ratio(ms_methods, ms_rest, m - 1, degrees)
    return Spread(
        methods=m,
        seeds=n,
        degrees=degrees,
        difference=spread_range(math.sqrt(2 * ms_rest), degrees),
        between=math.sqrt(max(0.0, (ms_methods - ms_rest) / n)),
        one_seed=Range(*((f - 1) / (f + n - 1) if f < math.inf else 1.0 for f in ratio)),
        all_seeds=Range(*(1 - 1 / f if f else -math.inf for f in ratio)),
    )


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
    cell = math.sqrt(float(known.var(axis=0, ddof=1).mean()))
    return cell, math.sqrt(max(float(pairs), 0.0))  # in this order NaN stays what it is


def _ratio(ms_methods: float, ms_rest: float, above: int, below: float) -> Range:
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


def spread_range(sd: float, degrees: float) -> Range:
    """A standard deviation of so many degrees of freedom, with its interval."""
    low, high = (sd * math.sqrt(degrees / float(chdtri(degrees, 1 - tail))) for tail in TAILS[::-1])
    return Range(sd, low, high)
