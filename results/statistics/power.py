"""How likely seeds tell two methods apart, and how many it takes.

Two methods are told apart as `differences` does it. Power is by the non-central t (Cohen,
Statistical Power Analysis, 1988, chapter 2). All of it is of the images that were evaluated: other
images are not in it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import chdtri, nctdtr

from noisyseg.results.statistics.differences import critical, degrees_of

POWER = 0.8
MOST_SEEDS = 1000
_LIKELY = 64  # values that a measured spread may truly have


@dataclass(kw_only=True, slots=True, frozen=True)
class Design:
    """A comparison of methods whose power is asked for.

    Attributes:
        methods: M, at least 2.
        pairs: comparisons that share the 5 %.
        prior: degrees of freedom of the spread that all pairs have in common; infinite where it is
            alike.
    """

    methods: int
    pairs: int
    prior: float = math.inf

    def degrees(self, seeds: int) -> float:
        """Of freedom, with n seeds."""
        return degrees_of(seeds, methods=self.methods, prior=self.prior)


def power_of(difference: float, sd: float, *, seeds: int, design: Design) -> float:
    """How likely a true difference is told from 0.

    Args:
        difference: of two methods' means, above 0.
        sd: standard deviation over seeds of their difference at equal seeds.
        seeds: n, at least 2.
        design: the comparison.
    """
    if sd == 0:
        return 1.0
    degrees = design.degrees(seeds)
    bound = critical(degrees, design.pairs)
    shift = difference * math.sqrt(seeds) / sd
    # That it is told from 0 with the wrong sign is no success, and all but impossible.
    missed = float(nctdtr(degrees, shift, bound))
    return 1 - missed if not math.isnan(missed) else float(shift > bound)


def likely_spreads(sd: float, degrees: float) -> list[float]:
    """What a spread that was measured may truly be: equally likely values.

    Args:
        sd: measured.
        degrees: of freedom of it.
    """
    tails = (np.arange(_LIKELY) + 0.5) / _LIKELY
    return [sd * math.sqrt(degrees / quantile) for quantile in chdtri(degrees, tails).tolist()]


def seeds_needed(difference: float, sds: Sequence[float], design: Design) -> int | None:
    """The fewest seeds, at least 2, that see a true difference at 80 % power.

    Args:
        difference: of two methods' means, above 0.
        sds: of their difference at equal seeds: one, or equally likely ones (`likely_spreads`),
            over which power is averaged.
        design: the comparison.

    Returns:
        None where `MOST_SEEDS` do not.
    """

    def enough(seeds: int) -> bool:
        powers = [power_of(difference, sd, seeds=seeds, design=design) for sd in sds]
        return sum(powers) >= POWER * len(powers)

    if not enough(MOST_SEEDS):
        return None
    low, high = 1, MOST_SEEDS
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def least_seen(sd: float, *, seeds: int, design: Design) -> float:
    """The smallest true difference that so many seeds see at 80 % power.

    Args:
        sd: standard deviation over seeds of two methods' difference at equal seeds.
        seeds: n, at least 2.
        design: the comparison.
    """
    low, high = 0.0, max(sd, 1e-12)
    while power_of(high, sd, seeds=seeds, design=design) < POWER:
        low, high = high, 2 * high
    while high - low > 1e-6 * high:
        middle = (low + high) / 2
        seen = power_of(middle, sd, seeds=seeds, design=design) >= POWER
        low, high = (low, middle) if seen else (middle, high)
    return high if sd else 0.0
