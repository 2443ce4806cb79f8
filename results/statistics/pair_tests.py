"""Methods against each other over seeds and images: a test of each pair, one statement a pair.

Another training seed and other images would both give another number (Bouthillier et al.,
"Accounting for Variance in Machine Learning Benchmarks", MLSys 2021). Of a pair's difference at
equal seeds, what seeds change is that of `differences`, spread moderated by all pairs'; what images
change is the variance of the mean over seeds by a paired bootstrap over images, without what
differs from seed to seed, which the seeds' spread has already. With few seeds, drawing seeds with
replacement would give intervals far too narrow, hence Student's t for them; both half-widths add in
squares, so that an interval over seeds and images is never narrower than one over seeds alone.

Of methods that vary alike, these intervals hold in 93 to 99 % of simulations at 2 to 10 seeds, and
of twenty equal ones some is called above the first in 2 to 4 %. A method that varies more than the
others (`uneven_spread`) is compared by its pairs' own spread: where the first of twenty varies
three times as much, 91 % hold with three seeds (82 % without that) and 94 % with five, and some is
called above it in 4 and 2 %. With one seed, images alone are drawn, and the percentile interval is
of these trained networks alone.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from noisyseg.errors import InputError
from noisyseg.results.statistics.differences import Difference, differences_of, independent
from noisyseg.results.statistics.intervals import CONFIDENCE, DECIMALS, TAILS
from noisyseg.results.statistics.two_part_t import half_width, p_values
from noisyseg.results.statistics.uneven_spread import uneven_methods

Floats = NDArray[np.float64]
LEAST = 1e-12
"""No p over seeds and images is told to be smaller."""


class Drawn(NamedTuple):
    """A run's number on the images themselves, and by draws of images, shape (B,)."""

    own: float
    draws: Floats


DrawnValues = Mapping[str, Mapping[Hashable, Drawn]]
"""Method → seed → number; seeds as in `differences.Values`. Draws are the same for all."""


@dataclass(kw_only=True, slots=True, frozen=True)
class PairTest:
    """How far one method's number lies above another's.

    Attributes:
        one, other: the methods.
        seeds: how many both have, that share neither noise nor train seed. With 1, all that follows
            is of these trained networks alone.
        difference: mean of one minus the other over these seeds, on the images themselves.
        low: where its 95 % interval begins.
        high: where it ends.
        p: two-sided, of no difference.
        least: the smallest p that the draws could have shown.
        better: how likely one lies above the other in a run of either with one seed, on as many
            images; a tie counts half (Bouthillier et al., section 5).
    """

    one: str
    other: str
    seeds: int
    difference: float
    low: float
    high: float
    p: float
    least: float
    better: float

    def of(self, method: str) -> "PairTest":
        """The same from the side of one of the two."""
        if method == self.one:
            return self
        return PairTest(
            one=self.other,
            other=self.one,
            seeds=self.seeds,
            difference=0.0 - self.difference,
            low=0.0 - self.high,
            high=0.0 - self.low,
            p=self.p,
            least=self.least,
            better=round(1 - self.better, DECIMALS),
        )


def pair_tests(
    values: DrawnValues, *, images: int, baseline: str | None = None
) -> dict[frozenset[str], PairTest]:
    """Test every two methods that share a seed, or each against a baseline.

    A pair whose seeds all gave one difference other than 0 is left out: no spread was measured.

    Args:
        values: of methods.
        images: how many were drawn from, at least 2.
        baseline: a method; None: every two.

    Raises:
        InputError: no draw of images in which every run has a number.
    """
    samples = {
        frozenset((one, other)): _sample((one, other), values[one], values[other], seeds)
        for one, other in combinations([method for method in values if values[method]], 2)
        if (baseline is None or baseline in (one, other))
        and (seeds := independent(seed for seed in values[one] if seed in values[other]))
    }
    own = {method: {seed: run.own for seed, run in runs.items()} for method, runs in values.items()}
    spreads = {
        pair: spread
        for spread in differences_of(own, baseline=baseline).known
        if (pair := frozenset((spread.one, spread.other))) in samples
    }
    found = _over_seeds(samples, spreads, uneven_methods(own), images)
    found |= {
        pair: _images_alone(sample) if len(sample.own) == 1 else _equal(sample)
        for pair, sample in samples.items()
        if pair not in spreads and (len(sample.own) == 1 or not sample.own.any())
    }
    return {pair: found[pair] for pair in samples if pair in found}


class _Sample(NamedTuple):
    """Differences at equal seeds: on the images themselves, (n,), and by draws of them, (B, n)."""

    pair: tuple[str, str]
    own: Floats
    draws: Floats


def _sample(
    pair: tuple[str, str],
    one: Mapping[Hashable, Drawn],
    other: Mapping[Hashable, Drawn],
    seeds: Sequence[Hashable],
) -> _Sample:
    # Rounded: equal APs are sums in different orders, and a tie must not hang on the last bit.
    own = np.round([one[seed].own - other[seed].own for seed in seeds], DECIMALS)
    draws = np.array([one[seed].draws - other[seed].draws for seed in seeds]).T
    known = np.round(draws[np.isfinite(draws).all(axis=1)], DECIMALS)
    if len(known) < 2:
        raise InputError(f"{len(known)} of {len(draws)} draws hold an instance: draw more")
    return _Sample(pair, own, known)


def _test(sample: _Sample, *, ends: tuple[float, float], p: float, least: float) -> PairTest:
    above = np.count_nonzero(sample.draws > 0) + np.count_nonzero(sample.draws == 0) / 2
    return PairTest(
        one=sample.pair[0],
        other=sample.pair[1],
        seeds=len(sample.own),
        difference=round(float(sample.own.mean()), DECIMALS),
        low=ends[0],
        high=ends[1],
        p=p,
        least=least,
        better=round(float(above / sample.draws.size), DECIMALS),
    )


def _images_alone(sample: _Sample) -> PairTest:
    """Percentile interval, and p by the draws on the other side of 0."""
    draws = sample.draws[:, 0]
    low, high = np.quantile(draws, TAILS).tolist()
    sides = (np.count_nonzero(draws <= 0) + 1, np.count_nonzero(draws >= 0) + 1)
    least = 2 / (len(draws) + 1)
    return _test(sample, ends=(low, high), p=min(1.0, min(sides) * least), least=least)


def _equal(sample: _Sample) -> PairTest:
    """No difference at any seed, and no other pair to say how much there might have been."""
    return _test(sample, ends=(0.0, 0.0), p=1.0, least=LEAST)


def _over_seeds(
    samples: Mapping[frozenset[str], _Sample],
    spreads: Mapping[frozenset[str], Difference],
    uneven: set[str],
    images: int,
) -> dict[frozenset[str], PairTest]:
    """Student's t of both parts of each pair: of its mean over seeds, and of the images."""
    if not spreads:
        return {}
    of_seeds = [
        _seeds_variance(samples[pair].own, spread, alone=not uneven.isdisjoint(pair))
        for pair, spread in spreads.items()
    ]
    of_images = [(_images_variance(samples[pair].draws, images), images - 1) for pair in spreads]
    both = np.array([of_seeds, of_images], dtype=np.float64)  # (2, P, 2)
    parts, degrees = both[:, :, 0].T, both[:, :, 1].T
    means = np.array([samples[pair].own.mean() for pair in spreads])
    halves = half_width(np.full(len(means), 1 - CONFIDENCE), parts, degrees)
    ends = zip((means - halves).tolist(), (means + halves).tolist(), strict=True)
    levels = p_values(means, parts, degrees, least=LEAST)
    return {
        pair: _test(samples[pair], ends=end, p=p, least=LEAST)
        for pair, end, p in zip(spreads, ends, levels, strict=True)
    }


def _seeds_variance(own: Floats, spread: Difference, *, alone: bool) -> tuple[float, float]:
    """Of the mean over seeds, and its degrees of freedom.

    Args:
        own: differences, shape (n,).
        spread: of them, moderated.
        alone: whether the pair's own spread counts, where that makes the interval wider.
    """
    seeds = len(own)
    moderated, plain = spread.sd**2 / seeds, float(own.var(ddof=1)) / seeds
    if alone:
        wide, narrow = (
            variance * float(stdtrit(degrees, TAILS[1])) ** 2
            for variance, degrees in ((plain, seeds - 1), (moderated, spread.degrees))
        )
        if wide > narrow:
            return plain, seeds - 1
    return moderated, spread.degrees


def _images_variance(draws: Floats, images: int) -> float:
    """What other images would change of the mean over seeds, with ever so many seeds.

    Args:
        draws: shape (B, n).
        images: how many each draw is of; a bootstrap's variance is short of one of them.
    """
    seeds = draws.shape[1]
    of_mean = float(draws.mean(axis=1).var(ddof=1))
    # The mean over n seeds holds 1 / n of what images change differently from seed to seed.
    by_seed = (float(draws.var(axis=0, ddof=1).sum()) - seeds * of_mean) / (seeds - 1)
    return max(0.0, of_mean - by_seed / seeds) * images / (images - 1)
