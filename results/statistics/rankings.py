"""Ranks of methods, with intervals, and groups that are not told apart, from tests of each pair.

A method's rank lies between 1 + the number of methods told to be above it and M - the number told
to be below: with tests that hold together at 5 %, so do these intervals of all methods (Mogstad,
Romano, Shaikh & Wilhelm, "Inference for Ranks", Review of Economic Studies 91, 2024). Percentiles
of drawn ranks, as often shown, do not hold where methods are nearly alike.
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from noisyseg.results.statistics.holm import holm
from noisyseg.results.statistics.intervals import CONFIDENCE, DECIMALS
from noisyseg.results.statistics.pair_tests import PairTest


class Rank(NamedTuple):
    """A rank, 1 the best, equal numbers sharing the mean of theirs; and its 95 % interval."""

    rank: float
    low: int
    high: int


@dataclass(kw_only=True, slots=True, frozen=True)
class Ranking:
    """Methods in the order of their numbers.

    Attributes:
        means: method → number, the best first.
        ranks: method → rank.
        groups: of two methods or more of which no two are told apart, best first; none lies within
            another. Two methods that share no group are told apart.
        comparisons: how many tests were corrected for.
    """

    means: Mapping[str, float]
    ranks: Mapping[str, Rank]
    groups: Sequence[Sequence[str]]
    comparisons: int


def ranking(means: Mapping[str, float], tests: Mapping[frozenset[str], PairTest]) -> Ranking:
    """Rank methods by their numbers, as far as the tests of their pairs hold.

    Args:
        means: method → number, at least one.
        tests: of every two; two without a test are not told apart.
    """
    corrected = holm({pair: test.p for pair, test in tests.items()})
    above = {
        (test.one, test.other) if test.difference > 0 else (test.other, test.one)
        for pair, test in tests.items()
        if corrected[pair] <= 1 - CONFIDENCE
    }
    order = sorted(means, key=lambda method: -means[method])
    places = ranks(np.array(list(means.values())))
    return Ranking(
        means={method: means[method] for method in order},
        ranks={
            method: Rank(
                rank=float(place),
                low=1 + sum(below == method for _, below in above),
                high=len(means) - sum(over == method for over, _ in above),
            )
            for method, place in zip(means, places, strict=True)
        },
        groups=_groups(order, above),
        comparisons=len(tests),
    )


def ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ranks of the highest to the lowest, from 1; equal values share the mean of theirs.

    Args:
        values: finite numbers, shape (…, M), ranked along the last axis.

    >>> ranks(np.array([30.0, 10.0, 20.0, 20.0])).tolist()
    [1.0, 4.0, 2.5, 2.5]
    """
    own = np.round(values, DECIMALS)[..., :, None]
    others = own.swapaxes(-1, -2)
    above, equal = (others > own).sum(axis=-1), (others == own).sum(axis=-1)
    return np.asarray(above + (equal + 1) / 2, dtype=np.float64)


def _groups(order: Sequence[str], above: set[tuple[str, str]]) -> list[list[str]]:
    """Every largest set of at least two methods of which no two are told apart, best first."""
    alike = {
        one: {o for o in order if o != one and (one, o) not in above and (o, one) not in above}
        for one in order
    }
    place = {method: number for number, method in enumerate(order)}
    found = [sorted(group, key=place.__getitem__) for group in _cliques(set(), set(order), alike)]
    return sorted((g for g in found if len(g) > 1), key=lambda g: [place[m] for m in g])


def _cliques(
    inside: set[str], asked: set[str], alike: Mapping[str, set[str]], done: Set[str] = frozenset()
) -> list[set[str]]:
    """Those that hold `inside` (Bron & Kerbosch, Communications of the ACM 16, 1973)."""
    if not asked:
        return [] if done else [inside]
    found, done = [], set(done)
    most = max(sorted(asked | done), key=lambda method: len(alike[method] & asked))
    for method in sorted(asked - alike[most]):
        near = alike[method]
        found += _cliques(inside | {method}, asked & near, alike, done & near)
        asked, done = asked - {method}, done | {method}
    return found
