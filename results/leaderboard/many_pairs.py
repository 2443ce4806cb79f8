"""The test of each pair (`results.statistics.pair_tests`) for a thousand entries at once.

Shapes: E entries, P pairs, B draws of images, n seeds that two entries share. Entries with the same
seeds are taken together, so that what follows is a few products of matrices. A p is not found
exactly but as the next higher level of a grid, which only ever tells fewer entries apart.
"""

from collections.abc import Hashable, Mapping, Sequence
from itertools import combinations_with_replacement
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from noisyseg.results.leaderboard.uneven_entries import uneven_entries
from noisyseg.results.statistics.differences import degrees_of, independent
from noisyseg.results.statistics.intervals import CONFIDENCE, DECIMALS, TAILS
from noisyseg.results.statistics.moderated import Prior, moderated, prior_of
from noisyseg.results.statistics.pair_tests import LEAST, Drawn, DrawnValues

Floats = NDArray[np.float64]
Runs = Mapping[Hashable, Drawn]
_LEVELS = np.exp(np.linspace(np.log(LEAST), 0.0, 1024))
"""What a p is rounded up to: steps of 2.7 %."""


class _Pairs(NamedTuple):
    """Of pairs, shape (P,) each; while they are made, of every two entries, (E, E).

    Attributes:
        seeds: n; 0 where fewer than two are shared.
        mean: of one minus the other over seeds.
        spread: variance of the differences over seeds.
        images: variance of the mean that other images would make.
    """

    seeds: NDArray[np.int64]
    mean: Floats
    spread: Floats
    images: Floats


def pairs_above(values: DrawnValues, images: int) -> tuple[NDArray[np.bool_], int]:
    """Who is told to be above whom, shape (E, E), all together at 5 %; and the number of tests.

    Args:
        values: entry → seeds → number and draws.
        images: how many were drawn from.
    """
    every = _every_two(values, images)
    above = np.zeros(every.seeds.shape, dtype=np.bool_)
    one, other = np.nonzero(np.triu(every.seeds > 0, 1))
    if not len(one):
        return above, 0
    here = one, other
    pairs = _Pairs(every.seeds[here], every.mean[here], every.spread[here], every.images[here])
    prior = prior_of(pairs.spread, pairs.seeds - 1)
    uneven = uneven_entries(values)
    linked = np.zeros(len(above), dtype=np.bool_)
    linked[one] = linked[other] = True
    p = _rounded_up(pairs, uneven[one] | uneven[other], prior, int(linked.sum()), images)
    told = _told(p)
    sides = np.stack([one, other])
    over, below = np.where(pairs.mean > 0, sides, sides[::-1])[:, told]
    above[over, below] = True
    return above, int(np.isfinite(p).sum())


def _every_two(values: DrawnValues, images: int) -> _Pairs:
    size = len(values)
    counts = np.zeros((size, size), dtype=np.int64)
    parts = np.zeros((3, size, size))
    patterns: dict[tuple[Hashable, ...], list[int]] = {}
    for place, own in enumerate(values.values()):
        patterns.setdefault(tuple(sorted(own, key=repr)), []).append(place)
    for (first, rows), (second, columns) in combinations_with_replacement(patterns.items(), 2):
        seeds = independent(seed for seed in first if seed in second)
        if len(seeds) > 1:
            block = _block(values, rows, columns, seeds)
            counts[np.ix_(rows, columns)] = counts[np.ix_(columns, rows)] = len(seeds)
            for whole, part, sign in zip(parts, block, (-1, 1, 1), strict=True):
                whole[np.ix_(rows, columns)] = part
                if rows != columns:
                    whole[np.ix_(columns, rows)] = sign * part.T
    return _Pairs(counts, parts[0], parts[1], parts[2] * (images / (images - 1)))


def _block(
    values: DrawnValues, rows: Sequence[int], columns: Sequence[int], seeds: Sequence[Hashable]
) -> tuple[Floats, Floats, Floats]:
    """Means, spreads and the images' part of some entries (rows) and others, at shared seeds."""
    runs = list(values.values())
    own, draws = _arrays([runs[place] for place in rows], seeds)
    same = rows == columns
    others, other_draws = (own, draws) if same else _arrays([runs[p] for p in columns], seeds)
    mean, spread = _over_seeds(own, others)
    n, size = draws.shape[1:]
    of_mean = _variances(draws.mean(axis=1), other_draws.mean(axis=1), same)
    flat = [part.reshape(len(part), n * size) for part in (draws, other_draws)]
    of_seeds = _variances(flat[0], flat[1], same) * ((n * size - 1) / (size - 1))
    by_seed = (of_seeds - n * of_mean) / (n - 1)
    return mean, spread, np.maximum(0.0, of_mean - by_seed / n)


def _arrays(runs: Sequence[Runs], seeds: Sequence[Hashable]) -> tuple[Floats, Floats]:
    """Numbers, (E, n), and draws less their mean, (E, n, B)."""
    own = np.round([[entry[seed].own for seed in seeds] for entry in runs], DECIMALS)
    draws = np.array([[entry[seed].draws for seed in seeds] for entry in runs])
    return own, draws - draws.mean(axis=2, keepdims=True)


def _over_seeds(own: Floats, others: Floats) -> tuple[Floats, Floats]:
    """Mean and variance over n seeds of differences: (E, n), (F, n) → (E, F) each."""
    n = own.shape[1]
    mean = np.round(own.mean(axis=1)[:, None] - others.mean(axis=1), DECIMALS)
    squares, size = np.zeros(mean.shape), np.zeros(mean.shape)
    for seed in range(n):
        difference = own[:, seed, None] - others[:, seed]
        size += np.square(difference)
        squares += np.square(difference - mean)
    least = 1e-20 * np.maximum(1.0, size / n)  # as `differences`
    spread = squares / (n - 1)
    # Rounded numbers and means leave some 1e-18 of equal differences.
    return mean, np.where(spread > np.maximum(least, 10.0 ** (-2 * DECIMALS)), spread, 0.0)


def _variances(one: Floats, other: Floats, same: bool) -> Floats:
    """Of the differences of each two rows, each of mean 0: (E, B), (F, B) → (E, F)."""
    products = one @ (one if same else other).T  # of one matrix it is half the work
    squares = [np.einsum("eb,eb->e", rows, rows) for rows in (one, other)]
    products *= -2
    products += squares[0][:, None]
    products += squares[1]
    products /= one.shape[1] - 1
    return products


def _rounded_up(
    pairs: _Pairs, alone: NDArray[np.bool_], prior: Prior, methods: int, images: int
) -> Floats:
    """The p of each pair, NaN where no spread was measured.

    Args:
        pairs: of two seeds at least.
        alone: whether a pair's own spread counts, where that makes the interval wider, (P,).
        prior: of all pairs' spreads.
        methods: how many entries the pairs are of.
        images: how many were drawn from.
    """
    found = np.full(len(pairs.mean), np.nan)
    for n in np.flatnonzero(np.bincount(pairs.seeds)).tolist():
        common = degrees_of(n, methods=methods, prior=prior.degrees)
        here = pairs.seeds == n
        spread = np.broadcast_to(moderated(pairs.spread[here], n - 1, prior), here.sum())
        squares = [np.square(stdtrit(degrees, TAILS[1])) for degrees in (n - 1, common)]
        wider = alone[here] & (pairs.spread[here] * squares[0] > spread * squares[1])
        for own, degrees in ((True, n - 1), (False, common)):
            some = np.flatnonzero(here)[wider == own]
            of_seeds = (pairs.spread[here] if own else spread)[wider == own]
            parts = np.stack([of_seeds / n, pairs.images[some]])
            p = _levels(np.abs(pairs.mean[some]), parts, (degrees, images - 1))
            found[some] = np.where((of_seeds > 0) | (pairs.mean[some] == 0), p, np.nan)
    return found


def _levels(means: Floats, parts: Floats, degrees: tuple[float, float]) -> Floats:
    """The smallest level of the grid at which the interval around a mean does not reach 0.

    Args:
        means: at least 0, shape (P,).
        parts: variances of seeds and of images, shape (2, P).
        degrees: of freedom of the two.
    """
    squares = np.square(means)
    t = np.square([stdtrit(own, _LEVELS / 2) for own in degrees])  # (2, L)
    low: NDArray[np.int64] = np.zeros(len(means), dtype=np.int64)
    high: NDArray[np.int64] = np.full(len(means), len(_LEVELS) - 1)
    for _ in range(len(_LEVELS).bit_length()):
        middle = (low + high) // 2
        reaches = (t[0, middle] * parts[0] + t[1, middle] * parts[1]) >= squares
        low, high = np.where(reaches, middle + 1, low), np.where(reaches, high, middle)
        low = np.minimum(low, high)
    return np.asarray(_LEVELS[high])


def _told(p: Floats) -> NDArray[np.bool_]:
    """Which hold all together at 5 %, by Holm's correction; shape (P,)."""
    tests = int(np.isfinite(p).sum())
    small = np.flatnonzero(p <= 1 - CONFIDENCE)  # no other holds
    order = small[np.argsort(p[small])]
    corrected = np.maximum.accumulate(p[order] * (tests - np.arange(len(order))))
    found = np.zeros(len(p), dtype=np.bool_)
    found[order] = corrected <= 1 - CONFIDENCE
    return found
