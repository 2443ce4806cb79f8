"""Who is told from whom on a board: ranks with intervals, and groups, by the tests of `compare`.

Every two entries are tested at the seeds that both have, over seeds and images together
(`pair_tests`), and Holm's correction makes all statements of a board hold together at 5 %. A board
of up to `EXACT` entries is tested by `pair_tests` itself, a larger one by the same two parts for
all pairs at once (`many_pairs`).
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from noisyseg.results.leaderboard.many_pairs import pairs_above
from noisyseg.results.statistics.holm import holm
from noisyseg.results.statistics.intervals import CONFIDENCE
from noisyseg.results.statistics.pair_tests import DrawnValues, pair_tests
from noisyseg.results.statistics.rankings import ranks

LEAST_SEEDS = 3
"""An entry with fewer is provisional: shown, and not ranked."""
EXACT = 40
SHARED = 2
"""Two entries with fewer seeds in common are not tested."""


class Standing(NamedTuple):
    """Where an entry stands on a board.

    Attributes:
        rank: 1 the best; equal means share the mean of theirs.
        low, high: the rank's 95 % interval; those of all entries hold together.
        group: 0 the first: its first entry, and those below it that are not told from it and are
            of no group before.
    """

    rank: float
    low: int
    high: int
    group: int


class Standings(NamedTuple):
    """Of a board.

    Attributes:
        places: entry → standing, the best mean first.
        comparisons: how many tests were corrected for.
    """

    places: Mapping[str, Standing]
    comparisons: int


def standings(values: DrawnValues, *, images: int, exact: int = EXACT) -> Standings:
    """Rank entries by their mean over seeds, as far as they are told apart.

    Args:
        values: entry → seeds → number and draws of images; each of `LEAST_SEEDS` seeds at least.
        images: how many were drawn from.
        exact: up to how many entries `pair_tests` itself is asked.
    """
    if not values:
        return Standings({}, 0)
    means = {
        name: float(np.mean([run.own for run in own.values()])) for name, own in values.items()
    }
    order = sorted(means, key=lambda name: (-means[name], name))
    ordered = {name: values[name] for name in order}
    small = len(order) <= exact
    above, comparisons = (_tested if small else pairs_above)(ordered, images)
    places = ranks(np.array([means[name] for name in order]))
    lows, highs = 1 + above.sum(axis=0), len(order) - above.sum(axis=1)
    groups = _groups(above | above.T)
    found = zip(order, places.tolist(), lows.tolist(), highs.tolist(), groups, strict=True)
    return Standings({name: Standing(*place) for name, *place in found}, comparisons)


def _tested(values: DrawnValues, images: int) -> tuple[NDArray[np.bool_], int]:
    """Who is told to be above whom, shape (E, E), and the number of tests; by `pair_tests`."""
    above = np.zeros((len(values), len(values)), dtype=np.bool_)
    place = {name: number for number, name in enumerate(values)}
    tests = {
        pair: test
        for pair, test in pair_tests(values, images=images).items()
        if test.seeds >= SHARED
    }
    corrected = holm({pair: test.p for pair, test in tests.items()})
    for pair, test in tests.items():
        if corrected[pair] <= 1 - CONFIDENCE:
            over, below = (test.one, test.other)[:: 1 if test.difference > 0 else -1]
            above[place[over], place[below]] = True
    return above, len(tests)


def _groups(apart: NDArray[np.bool_]) -> list[int]:
    """A group's number of each entry, the best first."""
    found = np.full(len(apart), -1)
    number = 0
    for first in range(len(apart)):
        if found[first] < 0:
            found[(found < 0) & ~apart[first]] = number
            number += 1
    return found.tolist()
