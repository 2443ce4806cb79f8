"""Which methods are told apart: each two by the seeds that both have, all of them together at 5 %.

A pair's difference is that of its runs at equal seeds, which takes what a seed shifts for all
methods out of it. Its spread is its own, moderated by those of all pairs (`moderated`); its t has
at most the degrees of freedom that a layout of so many methods and seeds has. The 5 % are divided
by the number of comparisons (Bonferroni). All of it is of the images that were evaluated.

Pairs are not independent, as limma's genes are: simulated tables of equal methods that vary alike
tell some two apart in 2 to 7 %. Where one of nine methods varies six times as much as the others,
it is 4 to 6 % with five seeds, but 11 % with three and 13 % with two; of twenty of which one, three
or all vary differently it is 4 to 7 % with five, 7 to 11 % with three, 11 to 16 % with two: below
five seeds the 5 % need methods alike.
"""

import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching
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
        pairs: how many comparisons there are.
        known: those that can be tested, which share the 5 %: of two methods that share two seeds
            at least.
        constant: how many more share two seeds, but all seeds of all of them gave the same
            difference, so that no spread was measured.
        methods: M, those that some pair of two seeds has.
        prior: of all pairs' spreads, those without the baseline included.
        spreads: the smallest and the largest of all pairs' own, before they are moderated; NaN
            without any.
    """

    pairs: int
    known: Sequence[Difference]
    constant: int
    methods: int
    prior: Prior
    spreads: tuple[float, float]


def differences_of(values: Values, *, baseline: str | None = None) -> Differences:
    """The differences of every two methods that have a number, or of each from a baseline.

    Args:
        values: finite numbers. A method without any is left out.
        baseline: a method; None: every two.
    """
    present = {method: own for method, own in values.items() if own}
    samples = {
        (one, other): np.array([present[one][seed] - present[other][seed] for seed in shared])
        for one, other in combinations(present, 2)
        if len(shared := independent(seed for seed in present[one] if seed in present[other])) > 1
    }
    variances = {pair: _variance(sample) for pair, sample in samples.items()}
    methods = len({method for pair in samples for method in pair})
    prior = prior_of(list(variances.values()), [len(sample) - 1 for sample in samples.values()])
    asked = [pair for pair in samples if baseline is None or baseline in pair]
    known = [
        _difference(pair, samples[pair], variances[pair], prior, methods, len(asked))
        for pair in asked
    ]
    spreads = [math.sqrt(variance) for variance in variances.values()] or [math.nan]
    return Differences(
        pairs=0
        if baseline is not None and baseline not in present
        else comparisons(len(present), baseline=baseline is not None),
        known=[pair for pair in known if pair.sd],
        constant=sum(not pair.sd for pair in known),
        methods=methods,
        prior=prior,
        spreads=(min(spreads), max(spreads)),
    )


def comparisons(methods: int, *, baseline: bool = False) -> int:
    """How many differences a table of methods has: of every two, or of each from a baseline.

    >>> comparisons(6), comparisons(6, baseline=True)
    (15, 5)
    """
    return methods - 1 if baseline else methods * (methods - 1) // 2


def _difference(
    pair: tuple[str, str],
    sample: NDArray[np.float64],
    variance: float,
    prior: Prior,
    methods: int,
    pairs: int,
) -> Difference:
    seeds = len(sample)
    degrees = degrees_of(seeds, methods=methods, prior=prior.degrees)
    sd = math.sqrt(moderated(variance, seeds - 1, prior))
    return Difference(
        one=pair[0],
        other=pair[1],
        seeds=seeds,
        mean=float(sample.mean()),
        sd=sd,
        degrees=degrees,
        half=critical(degrees, pairs) * sd / math.sqrt(seeds),
    )


def independent(seeds: Iterable[Hashable]) -> list[Hashable]:
    """The most of them that share neither noise nor train seed: what does is no new draw.

    In their order; the first that fit, where those are as many as any.
    """
    given = list(seeds)
    chosen: list[Hashable] = []
    noise: set[Hashable] = set()
    train: set[Hashable] = set()
    for seed in given:
        own_noise, own_train = _both(seed)
        if own_noise not in noise and own_train not in train:
            noise |= {own_noise} - {None}
            train.add(own_train)
            chosen.append(seed)
    if len(chosen) == len(given):
        return chosen
    most = _matched(given)
    return most if len(most) > len(chosen) else chosen


def _both(seed: Hashable) -> tuple[Hashable, Hashable]:
    """Noise seed, None if it has none, and train seed."""
    return seed if isinstance(seed, tuple) else (None, seed)


def _matched(seeds: Sequence[Hashable]) -> list[Hashable]:
    """A largest matching of noise seeds with train seeds."""
    pairs = [seed for seed in seeds if _both(seed)[0] is not None]
    rows = {noise: place for place, noise in enumerate(dict.fromkeys(_both(s)[0] for s in pairs))}
    columns = {
        train: place for place, train in enumerate(dict.fromkeys(_both(s)[1] for s in pairs))
    }
    if not pairs:
        return []
    table = np.zeros((len(rows), len(columns)), dtype=np.int32)
    for seed in pairs:
        table[rows[_both(seed)[0]], columns[_both(seed)[1]]] = 1
    match = maximum_bipartite_matching(csr_array(table), perm_type="column")
    return [seed for seed in pairs if match[rows[_both(seed)[0]]] == columns[_both(seed)[1]]]


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
