"""Mean and spread of a number over seeds, with the interval that so few seeds allow."""

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit  # all of scipy.stats takes a second to import

from noisyseg.errors import InputError

CONFIDENCE = 0.95
TAILS = ((1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2)
DECIMALS = 9  # of a percent point: below them two sums of the same numbers may differ


@dataclass(kw_only=True, slots=True, frozen=True)
class Description:
    """A number over n seeds.

    Attributes:
        n: how many values there are.
        mean: of them.
        sd: sample standard deviation; None for fewer than two.
        low: where the mean's 95 % interval begins (Student's t, n - 1 degrees of freedom); None for
            fewer than two values, which say nothing about how much another would change.
        high: where it ends.
    """

    n: int
    mean: float
    sd: float | None
    low: float | None
    high: float | None


def describe(values: Sequence[float]) -> Description:
    """Mean, spread and interval of at least one finite number.

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
        return Description(n=1, mean=mean, sd=None, low=None, high=None)
    sd = stdev(values)
    half = _t(n - 1) * sd / math.sqrt(n)
    return Description(n=n, mean=mean, sd=sd, low=mean - half, high=mean + half)


@dataclass(kw_only=True, slots=True, frozen=True)
class Components:
    """A number over a full product of noise seeds and train seeds.

    Attributes:
        noise_seeds: how many there are.
        train_seeds: how many there are.
        mean: over all.
        sd_noise: how much another noise seed alone would change it.
        sd_train: how much another train seed alone would.
        sd_rest: what neither explains, such as a GPU's order of adding.
        low: where the mean's 95 % interval begins.
        high: where it ends.
    """

    noise_seeds: int
    train_seeds: int
    mean: float
    sd_noise: float
    sd_train: float
    sd_rest: float
    low: float
    high: float


def components(values: Mapping[tuple[int, int], float]) -> Components:
    """The two sources of spread told apart, by a two-way layout with random effects.

    value = mean + noise seed + train seed + rest. The variances are those of the method of moments
    (Searle, Casella & McCulloch, Variance Components, 1992, chapter 4), negative ones shown as 0;
    the mean's variance (MS_noise + MS_train - MS_rest) / (a b) has Satterthwaite's degrees of
    freedom. With few seeds the interval errs on the wide side: simulated ones cover the mean in
    95 to 99 % of cases at 5 x 5, in 97 % or more at 3 x 3, in all where neither seed matters.

    Args:
        values: (noise seed, train seed) → number, for every pair of at least two of each.

    Raises:
        InputError: a pair is missing, fewer than two seeds of a kind, or no finite number.
    """
    noise = sorted({pair[0] for pair in values})
    train = sorted({pair[1] for pair in values})
    if len(noise) < 2 or len(train) < 2:
        raise InputError(
            f"wanted at least 2 noise seeds and 2 train seeds to tell their spread apart, got "
            f"{len(noise)} and {len(train)}"
        )
    missing = [(i, j) for i in noise for j in train if (i, j) not in values]
    if missing:
        raise InputError(
            f"noise seed {missing[0][0]} with train seed {missing[0][1]} is missing (in all "
            f"{len(missing)} of {len(noise) * len(train)} pairs): run it, or leave a seed out"
        )
    for pair, value in values.items():
        if not math.isfinite(value):
            raise InputError(
                f"noise seed {pair[0]} with train seed {pair[1]} is {value}: wanted a finite number"
            )
    return _components(np.array([[values[i, j] for j in train] for i in noise], dtype=np.float64))


def is_product(seeds: Sequence[Hashable]) -> bool:
    """Whether they are every pair of at least two noise seeds and two train seeds."""
    pairs = [seed for seed in seeds if isinstance(seed, tuple) and None not in seed]
    noise, train = {pair[0] for pair in pairs}, {pair[1] for pair in pairs}
    full = len(pairs) == len(seeds) == len(noise) * len(train)
    return full and len(noise) > 1 and len(train) > 1


def _components(table: NDArray[np.float64]) -> Components:
    a, b = table.shape
    mean = float(table.mean())
    rows, columns = table.mean(axis=1), table.mean(axis=0)
    rest = table - rows[:, None] - columns[None, :] + mean
    freedom = np.array([a - 1, b - 1, (a - 1) * (b - 1)])
    squares = (
        np.array(
            [
                b * np.square(rows - mean).sum(),
                a * np.square(columns - mean).sum(),
                np.square(rest).sum(),
            ]
        )
        / freedom
    )
    ms_noise, ms_train, ms_rest = squares.tolist()
    # Of the mean: never less than what the rest alone gives.
    terms = np.array([ms_noise, ms_train, -ms_rest])
    variance = max(float(terms.sum()), ms_rest) / (a * b)
    weights = (np.square(terms) / freedom).sum()
    degrees = max(1.0, float(terms.sum()) ** 2 / weights) if weights > 0 else 1.0
    half = _t(degrees) * math.sqrt(variance)
    return Components(
        noise_seeds=a,
        train_seeds=b,
        mean=mean,
        sd_noise=math.sqrt(max(0.0, (ms_noise - ms_rest) / b)),
        sd_train=math.sqrt(max(0.0, (ms_train - ms_rest) / a)),
        sd_rest=math.sqrt(ms_rest),
        low=mean - half,
        high=mean + half,
    )


def _t(degrees: float) -> float:
    """Student's t that the upper tail begins at."""
    return float(stdtrit(degrees, TAILS[1]))


def ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ranks of the highest to the lowest, from 1; equal values share the mean of theirs.

    Args:
        values: finite numbers, shape (…, M), ranked along the last axis.
    """
    own = np.round(values, DECIMALS)[..., :, None]
    others = own.swapaxes(-1, -2)
    above, equal = (others > own).sum(axis=-1), (others == own).sum(axis=-1)
    return np.asarray(above + (equal + 1) / 2, dtype=np.float64)
