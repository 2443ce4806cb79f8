"""Entries that vary over seeds more than the others (`results.statistics.uneven_spread`), for many
at once: the same F test, each entry left out of the others' sums rather than these made anew.
"""

from collections.abc import Hashable

import numpy as np
from numpy.typing import NDArray
from scipy.special import fdtrc

from noisyseg.results.statistics.differences import independent
from noisyseg.results.statistics.pair_tests import DrawnValues
from noisyseg.results.statistics.uneven_spread import LEVEL


def uneven_entries(values: DrawnValues) -> NDArray[np.bool_]:
    """Whether an entry's spread is larger than the others', shape (E,).

    Those that lack most seeds are not looked at, nor are fewer than three.
    """
    found = np.zeros(len(values), dtype=np.bool_)
    places, table = _layout(values)
    if len(table) < 3 or table.shape[1] < 2:
        return found
    m, n = len(table) - 1, table.shape[1]
    rows = table - table.mean(axis=1, keepdims=True)
    others = (rows.sum(axis=0) - rows) / m  # the mean of the others' rows, each row's own
    squares = np.square(rows).sum(axis=1)
    rest = squares.sum() - squares - m * np.square(others).sum(axis=1)
    common = rest / ((m - 1) * (n - 1))
    excess = np.square(rows - others).sum(axis=1) / (n - 1) / (1 + 1 / m)
    size = (np.square(table).sum() - np.square(table).sum(axis=1)) / (m * n)
    varies = common > 1e-20 * size
    chance = fdtrc(n - 1, (m - 1) * (n - 1), excess / np.where(varies, common, 1.0))
    found[places] = varies & (chance <= LEVEL)
    return found


def _layout(values: DrawnValues) -> tuple[list[int], NDArray[np.float64]]:
    """The entries and the seeds that tell most (`spread.layout_of`), and their numbers."""
    patterns = list(dict.fromkeys(frozenset(own) for own in values.values()))
    shared = [one & other for one in patterns for other in patterns]
    shared.append(frozenset.intersection(*patterns))
    best: tuple[int, int, int] = (-1, 0, 0)
    chosen: tuple[list[int], list[Hashable]] = [], []
    for some in dict.fromkeys(shared):
        seeds = independent(sorted(some, key=repr))
        places = [place for place, own in enumerate(values.values()) if own.keys() >= set(seeds)]
        m, n = len(places), len(seeds)
        worth = ((m - 1) * (n - 1) if n else -1, m * n, m)
        if worth > best:
            best, chosen = worth, (places, seeds)
    runs = list(values.values())
    table = [[runs[place][seed].own for seed in chosen[1]] for place in chosen[0]]
    return chosen[0], np.array(table, dtype=np.float64).reshape(len(chosen[0]), -1)
