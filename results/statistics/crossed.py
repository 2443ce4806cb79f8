"""Runs that share noise seeds or train seeds: their components of variance, and intervals.

value = mean + noise seed + train seed + rest, two crossed random effects, with a run for every pair
of seeds or for some.

Variances are by the method of moments: half the mean squared difference of two runs of the same
train seed is noise seed and rest in expectation, of the same noise seed train seed and rest; the
rest is the mean square around a least-squares fit of both seeds (Henderson, Biometrics 9, 1953,
method 3). Of a full product they are the analysis of variance's; negative ones count as 0. The
mean's variance follows from them and from which runs share what; degrees of freedom are
Satterthwaite's (Biometrics 2, 1946).

Where such a fit leaves nothing over (a star, pairs and one run more), or a bound is better known,
the interval is by the bound: pairs that share neither seed give one run's whole variance, and the
mean varies by no more than if all of it were of the seeds that the runs share most; degrees of
freedom are the fewest that one source can leave.

Simulated at 13 ratios of the three standard deviations, 20,000 draws each, at 3 x 3 and 5 x 5
seeds with none, one or two runs missing: intervals cover the mean in 94.6 % of cases or more, in
nearly all where the rest is most of the spread. Beside the full product's, where all three are
alike, they are 1.2 (one missing) and 1.4 to 1.5 times (two) as wide at 3 x 3, 1.03 times at 5 x 5.
By the bound it is 94.7 % or more. Intervals of another run cover it in 93 to 100 % of cases. Two
noise seeds alone, or two train seeds, say too little where they are more of the spread than all
else: at 2 x 5, 2 x 10 and 2 x 20 the mean's hold in 88 to 95 %, a run's in 88 to 93 %.
"""

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple, TypeGuard

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from noisyseg.results.statistics.intervals import TAILS, Description, around, describe

_Floats = NDArray[np.float64]
_Pairs = NDArray[np.bool_]


@dataclass(kw_only=True, slots=True, frozen=True)
class Crossed:
    """What B samples of the same N runs tell; every array has shape (B,).

    Attributes:
        variances: by another noise seed, another train seed and the rest, shape (B, 3); None where
            the N runs do not tell the three apart.
        half: half the width of the 95 % interval of the mean over all noise and train seeds; NaN
            where all runs share a seed, for what another one changes was never seen.
        half_run: the same, of another run with a new noise seed and a new train seed.
    """

    variances: _Floats | None
    half: _Floats
    half_run: _Floats


def describe_runs(values: Mapping[Hashable, float]) -> Description:
    """Mean, spread and intervals of runs, with what their seeds share taken into account.

    Args:
        values: seeds → finite number, of at least one run; a seed that is a pair is noise seed
            (None for clean labels) and train seed. Seeds that share nothing are independent runs.

    Raises:
        InputError: no value, or one that is no finite number.
    """
    seeds = list(values)
    plain = describe(list(values.values()))
    if not _are_pairs(seeds) or not _share(seeds):
        return plain
    found = crossed(np.array([list(values.values())], dtype=np.float64), seeds)
    own = around(
        plain.mean,
        n=plain.n,
        sd=plain.sd,
        half=float(found.half[0]),
        half_run=float(found.half_run[0]),
    )
    if found.variances is None:
        return own
    noise, train, rest = np.sqrt(found.variances[0]).tolist()
    return replace(own, sd_noise=noise, sd_train=train, sd_rest=rest)


def _are_pairs(seeds: Sequence[Hashable]) -> TypeGuard[Sequence[tuple[int, int]]]:
    """Whether all are of a noise seed and a train seed."""
    return all(isinstance(seed, tuple) and None not in seed for seed in seeds)


def _share(seeds: Sequence[tuple[int, int]]) -> bool:
    return any(len({seed[kind] for seed in seeds}) < len(seeds) for kind in (0, 1))


def crossed(values: _Floats, seeds: Sequence[tuple[int, int]]) -> Crossed:
    """Components of variance and the intervals that follow, around the plain mean.

    Args:
        values: finite numbers, shape (B, N).
        seeds: (noise seed, train seed) of the N >= 2 runs, no two alike.
    """
    design = _design(tuple(seeds))
    if design is None:
        unknown = np.full(len(values), math.nan)
        return Crossed(variances=None, half=unknown, half_run=unknown)
    # The forms know no mean; without it they lose no digits.
    values = values - values.mean(axis=1, keepdims=True)
    told = design.components
    variances = None if told is None else _variances(values, told.forms)
    if told is None or variances is None or design.by_bound:
        sd = np.sqrt(np.maximum(0.0, _squares(values, design.total)))
        most = design.weights.max()
        half, half_run = (design.t * np.sqrt(share) * sd for share in (most, 1 + most))
    else:
        half, half_run = (_half(variances, own) for own in (told.of_mean, told.of_run))
    return Crossed(variances=variances, half=half, half_run=half_run)


class _Weighted(NamedTuple):
    """A weighted sum of the three variances, and what its degrees of freedom come from.

    Attributes:
        weights: (3,).
        traces: tr(A V_i A V_j), of its form A and of which runs share the sources i and j, (3, 3).
    """

    weights: _Floats
    traces: _Floats


class _Components(NamedTuple):
    """Forms of the three variances, and what of them the mean's error and another run's have."""

    forms: Sequence[_Floats]
    of_mean: _Weighted
    of_run: _Weighted


@dataclass(kw_only=True, slots=True, frozen=True)
class _Design:
    """What the seeds of N runs decide, whatever the numbers.

    Attributes:
        weights: how much of each variance is the mean's, (3,).
        total: form of one run's variance, by pairs that share neither seed, (N, N).
        t: Student's of the fewest degrees of freedom that `total` has where one source makes all.
        components: None where the runs do not tell the three variances apart.
        by_bound: whether the bound gives the narrower interval of three even sources.
    """

    weights: _Floats
    total: _Floats
    t: float
    components: _Components | None
    by_bound: bool


@lru_cache(maxsize=128)  # a table's cells mostly have the same seeds
def _design(seeds: tuple[tuple[int, int], ...]) -> _Design | None:
    """None where every two runs share a seed."""
    same_noise, same_train = _shared(seeds)
    neither = ~(same_noise | same_train)
    if not neither.any():
        return None
    alike = [own.astype(np.float64) for own in (same_noise, same_train, np.eye(len(seeds)))]
    weights, total = np.array([own.mean() for own in alike]), _half_squares(neither)
    t = float(stdtrit(max(1.0, 1 / _traces(total, alike).diagonal().max()), TAILS[1]))
    told = _components(_additive_rest(seeds), weights, alike)
    bound = t * math.sqrt(3 * weights.max())
    return _Design(
        weights=weights,
        total=total,
        t=t,
        components=told,
        by_bound=told is None or bound < float(_half(np.ones((1, 3)), told.of_mean)[0]),
    )


def _components(
    rest: _Floats | None, weights: _Floats, alike: Sequence[_Floats]
) -> _Components | None:
    """Of the three variances, the rest's given by its form.

    Args:
        rest: (N, N), or None.
        weights: how much of each variance is the mean's, (3,).
        alike: which runs share the noise seed, the train seed, and themselves, three of (N, N).
    """
    if rest is None:
        return None
    same_noise, same_train, one = (own > 0 for own in alike)
    forms = [_half_squares(same & ~one) - rest for same in (same_train, same_noise)] + [rest]
    of_mean, of_run = (
        _Weighted(own, _traces(np.einsum("i,ijk->jk", own, np.stack(forms)), alike))
        for own in (weights, 1 + weights)
    )
    return _Components(forms, of_mean, of_run)


def _shared(seeds: Sequence[tuple[int, int]]) -> tuple[_Pairs, _Pairs]:
    """Which two runs have the noise seed in common, and which the train seed; each (N, N)."""
    noise, train = (np.array(kind) for kind in zip(*seeds, strict=True))
    return noise[:, None] == noise[None, :], train[:, None] == train[None, :]


def _half_squares(pairs: _Pairs) -> _Floats:
    """The matrix A for which y'A y is half the mean squared difference of such pairs, (N, N)."""
    links = pairs.astype(np.float64)
    return np.asarray((np.diag(links.sum(axis=1)) - links) / links.sum())


def _additive_rest(seeds: Sequence[tuple[int, int]]) -> _Floats | None:
    """The form of the mean square around a least-squares fit of both seeds; None without any."""
    noise, train = (np.unique(kind, return_inverse=True)[1] for kind in zip(*seeds, strict=True))
    fitted = np.hstack([np.eye(noise.max() + 1)[noise], np.eye(train.max() + 1)[train]])
    left = np.eye(len(seeds)) - fitted @ np.linalg.pinv(fitted)
    degrees = round(float(np.trace(left)))
    return left / degrees if degrees else None


def _traces(form: _Floats, alike: Sequence[_Floats]) -> _Floats:
    moved = [form @ own for own in alike]
    return np.array([[float((a * b.T).sum()) for b in moved] for a in moved])


def _variances(values: _Floats, forms: Sequence[_Floats]) -> _Floats:
    """What the forms give of each sample, (B, 3); a zero whatever the last bits of its sum."""
    found = np.stack([_squares(values, form) for form in forms], axis=1)
    least = 1e-12 * np.abs(found).sum(axis=1, keepdims=True)
    return np.where(found > least, found, 0.0)


def _squares(values: _Floats, form: _Floats) -> _Floats:
    """Of each sample y the number y'A y, shape (B,)."""
    return np.asarray(np.einsum("bi,ij,bj->b", values, form, values), dtype=np.float64)


def _half(variances: _Floats, of: _Weighted) -> _Floats:
    """Half the width of an interval whose variance is a weighted sum of the three, (B, 3)."""
    variance = variances @ of.weights
    spread = np.einsum("bi,ij,bj->b", variances, of.traces, variances)
    degrees = np.divide(np.square(variance), spread, out=np.ones_like(spread), where=spread > 0)
    half = stdtrit(np.maximum(1.0, degrees), TAILS[1]) * np.sqrt(variance)
    return np.asarray(half, dtype=np.float64)
