"""Which methods are told apart: each two by the seeds that both have, all of them together at 5 %.

A pair's difference is that of its runs at equal seeds, which takes what a seed shifts for all
methods out of it. Its spread is its own, moderated by those of all pairs (`moderated`); its t has
at most the degrees of freedom that a layout of so many methods and seeds has. The 5 % are divided
by the number of comparisons (Bonferroni). All of it is of the images that were evaluated.
"""

import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from noisyseg.results.statistics.intervals import CONFIDENCE
from noisyseg.results.statistics.moderated import Prior, moderated, prior_of

Values = Mapping[str, Mapping[Hashable, float]]
"""Method → seed → number; a seed that is a pair is noise seed (None for clean labels) and train
seed."""


@dataclass(kw_only=True, slots=True, frozen=True)
class Difference:
    """Of two methods, at the seeds that both have.

    Attributes:
        one, other: the methods.
        seeds: how many both have, that share neither noise nor train seed; at least 2.
        mean: of one minus the other.
        sd: over seeds, moderated by all pairs'.
        degrees: of freedom of it.
        half: of the 95 % interval of the mean; such intervals hold all together.
    """

    one: str
    other: str
    seeds: int
    mean: float
    sd: float
    degrees: float
    half: float

    @property
    def apart(self) -> bool:
        """Whether it is told from 0."""
        return abs(self.mean) > self.half


@dataclass(kw_only=True, slots=True, frozen=True)
class Differences:
    """Of every two methods, or of each from a baseline.

    Attributes:
        pairs: how many comparisons there are, those included whose methods share too few seeds.
        known: those of at least two seeds.
        prior: of all pairs' spreads.
    """

    pairs: int
    known: Sequence[Difference]
    prior: Prior


def differences_of(values: Values, *, baseline: str | None = None) -> Differences:
    """The differences of every two methods that have a number, or of each from a baseline.

    Args:
        values: finite numbers. A method without any is left out.
        baseline: a method; None: every two.
    """
    present = {method: own for method, own in values.items() if own}
    named = [pair for pair in combinations(present, 2) if baseline is None or baseline in pair]
    samples = {
        (one, other): np.array([present[one][seed] - present[other][seed] for seed in shared])
        for one, other in named
        if len(shared := independent(seed for seed in present[one] if seed in present[other])) > 1
    }
    variances = [_variance(sample) for sample in samples.values()]
    own_degrees = [len(sample) - 1 for sample in samples.values()]
    prior = prior_of(variances, own_degrees)
    known = []
    for (pair, sample), variance, own in zip(samples.items(), variances, own_degrees, strict=True):
        degrees = degrees_of(len(sample), methods=len(present), prior=prior.degrees)
        sd = math.sqrt(moderated(variance, own, prior))
        half = critical(degrees, len(named)) * sd / math.sqrt(len(sample))
        known.append(
            Difference(
                one=pair[0],
                other=pair[1],
                seeds=len(sample),
                mean=float(sample.mean()),
                sd=sd,
                degrees=degrees,
                half=half,
            )
        )
    return Differences(pairs=len(named), known=known, prior=prior)


def independent(seeds: Iterable[Hashable]) -> list[Hashable]:
    """The first of those that share a noise or a train seed: what shares one is no new draw."""
    noise: set[Hashable] = set()
    train: set[Hashable] = set()
    chosen = []
    for seed in seeds:
        own_noise, own_train = seed if isinstance(seed, tuple) else (None, seed)
        if own_train in train or (own_noise is not None and own_noise in noise):
            continue
        noise.add(own_noise)
        train.add(own_train)
        chosen.append(seed)
    return chosen


def degrees_of(seeds: int, *, methods: int, prior: float) -> float:
    """Degrees of freedom of a moderated spread; never more than a layout of all methods has.

    Args:
        seeds: n, at least 2.
        methods: M, at least 2.
        prior: of the common spread.
    """
    return float(min(prior + seeds - 1, (methods - 1) * (seeds - 1)))


def critical(degrees: float, pairs: int) -> float:
    """Student's t from which one of so many comparisons is told from 0."""
    return float(stdtrit(degrees, 1 - (1 - CONFIDENCE) / pairs / 2))


def _variance(sample: NDArray[np.float64]) -> float:
    """Of a sample; equal numbers have none, though their sums may differ in the last bit."""
    variance = float(sample.var(ddof=1))
    return 0.0 if variance <= 1e-20 * max(1.0, float(np.square(sample).mean())) else variance
