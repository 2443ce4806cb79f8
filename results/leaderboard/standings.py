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
from noisyseg.results.statistics.pair_tests import DrawnValues, pair_tests
from noisyseg.results.statistics.rankings import ranking, ranks

EXACT = 40
SHARED = 2
"""Two entries with fewer seeds in common are not tested."""


class Standing(NamedTuple):
    """Where an entry stands on a board.

    Attributes:
        rank: 1 the best; equal means share the mean of theirs.
        low, high: the rank's 95 % interval; those of all entries hold together.
        groups: numbers of its groups, 0 the first. Two entries share one if they are not told
            apart; on boards of more than `EXACT` entries each has one group alone: that of the
            best entry of no group before from which it is not told.
        first: whether it is not told from the best.
    """

    rank: float
    low: int
    high: int
    groups: tuple[int, ...]
    first: bool


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
        values: entry → seeds → number and draws of images; each of `entry.LEAST_SEEDS` at least.
        images: how many were drawn from.
        exact: up to how many entries `pair_tests` itself is asked.
    """
    if not values:
        return Standings({}, 0)
    means = {
        name: float(np.mean([run.own for run in own.values()])) for name, own in values.items()
    }
    order = sorted(means, key=lambda name: (-means[name], name))
    own = {name: means[name] for name in order}
    ways = _exact if len(order) <= exact else _many
    return ways({name: values[name] for name in order}, own, images)


def _exact(values: DrawnValues, means: Mapping[str, float], images: int) -> Standings:
    """By `pair_tests` and `ranking`; entries in the order of their means."""
    tests = pair_tests(values, images=images)
    found = ranking(means, {pair: t for pair, t in tests.items() if t.seeds >= SHARED})
    shared = {name for group in found.groups for name in group}
    groups = [*found.groups, *([name] for name in means if name not in shared)]
    order = list(means)
    groups.sort(key=lambda group: [order.index(name) for name in group])
    best = {name for group in groups if order[0] in group for name in group}
    places = {
        name: Standing(
            *found.ranks[name],
            groups=tuple(number for number, group in enumerate(groups) if name in group),
            first=name in best,
        )
        for name in order
    }
    return Standings(places, found.comparisons)


def _many(values: DrawnValues, means: Mapping[str, float], images: int) -> Standings:
    above, comparisons = pairs_above(values, images)
    places = ranks(np.array(list(means.values())))
    lows, highs = 1 + above.sum(axis=0), len(means) - above.sum(axis=1)
    groups = _walked(above | above.T)
    found = zip(means, places.tolist(), lows.tolist(), highs.tolist(), groups, strict=True)
    return Standings(
        {
            name: Standing(rank, low, high, groups=(group,), first=group == 0)
            for name, rank, low, high, group in found
        },
        comparisons,
    )


def _walked(apart: NDArray[np.bool_]) -> list[int]:
    """A group's number of each entry, the best first."""
    found = np.full(len(apart), -1)
    number = 0
    for first in range(len(apart)):
        if found[first] < 0:
            found[(found < 0) & ~apart[first]] = number
            number += 1
    return found.tolist()
