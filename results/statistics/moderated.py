"""Spreads of few values each, lent strength by all of them (Smyth, Statistical Applications in
Genetics and Molecular Biology 3, 2004, section 6.2): the moderated t test of limma.

Each variance is supposed to be drawn around a common one. How far apart they lie says how many
degrees of freedom the common one is worth: of variances that are alike, all there are; of one
method that varies six times as much as the rest, few.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import digamma, polygamma

LEAST = 1e-5
"""Of the median variance: smaller ones are taken for so much, as limma does; their logarithm is not
to decide alone."""

_Numbers: TypeAlias = "Sequence[float] | NDArray[np.float64] | NDArray[np.int64]"
_Some = TypeVar("_Some", float, NDArray[np.float64])


class Prior(NamedTuple):
    """What all variances say of one.

    Attributes:
        variance: the common one.
        degrees: of freedom that it is worth: 0, nothing; infinite, the variances are alike.
    """

    variance: float
    degrees: float


def prior_of(variances: _Numbers, degrees: _Numbers) -> Prior:
    """The common variance, and how much it is worth, by the moments of the logarithms.

    Args:
        variances: at least 0, each of a sample. Those of 0 say nothing of the others: two
            methods that collapsed to one number are no measure of the rest.
        degrees: of freedom of each, at least 1.
    """
    own, free = np.asarray(variances, dtype=float), np.asarray(degrees, dtype=float)
    known, freedom = own[own != 0], free[own != 0]
    if not len(known):
        return Prior(variance=0.0, degrees=math.inf)
    mean = float((known * freedom).sum() / freedom.sum())
    if len(known) < 2:
        return Prior(variance=mean, degrees=0.0)
    least = LEAST * float(np.median(known))
    logs = np.log(np.maximum(known, least)) - digamma(freedom / 2) + np.log(freedom / 2)
    each, counts = np.unique(freedom, return_counts=True)
    more = float(logs.var(ddof=1) - (polygamma(1, each / 2) * counts).sum() / len(logs))
    if more <= 0:
        return Prior(variance=mean, degrees=math.inf)
    half = _inverse_trigamma(more)
    return Prior(
        variance=float(np.exp(logs.mean() + digamma(half) - math.log(half))), degrees=2 * half
    )


def moderated(variance: _Some, degrees: int, prior: Prior) -> _Some | float:
    """A variance, or many, and the common one, weighted by their degrees of freedom."""
    if math.isinf(prior.degrees):
        return prior.variance
    if not prior.degrees:
        return variance
    return (prior.degrees * prior.variance + degrees * variance) / (prior.degrees + degrees)


def _inverse_trigamma(value: float) -> float:
    """Newton's steps on 1 / trigamma, which is nearly straight (Smyth, the appendix)."""
    found = 0.5 + 1 / value
    for _ in range(50):
        own = float(polygamma(1, found))
        step = own * (1 - own / value) / float(polygamma(2, found))
        found += step
        if abs(step) < 1e-10 * found:
            break
    return found
