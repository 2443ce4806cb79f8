"""Paired bootstrap over images: how sure one method's AP is above another's on the same images.

Images are drawn with replacement, the same for both methods, and an image drawn twice counts twice
(Efron & Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13). No detection is matched
anew: matches are within an image, so that a draw only weighs them. Of an image's detections of a
class that have exactly one score, copies come in the order of the detections, not of the copies.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from noisyseg.errors import InputError, unknown_name
from noisyseg.results.evaluation.image_matches import Floats, Matches, average_precision
from noisyseg.results.statistics.intervals import DECIMALS, TAILS, rank_intervals


@dataclass(kw_only=True, slots=True, frozen=True)
class Comparison:
    """How far a first method's AP is above a second's, in percent points.

    Attributes:
        difference: on the images themselves.
        low: where the 95 % percentile interval over draws begins.
        high: where it ends.
        p: two-sided share of draws on the other side of 0.
        tie: whether the interval holds 0: the images do not tell which is better.
        draws: of the bootstrap.
    """

    difference: float
    low: float
    high: float
    p: float
    tie: bool
    draws: int


def draw_weights(images: int, *, draws: int, seed: int) -> NDArray[np.int64]:
    """How often each image is drawn, shape (draws, images); each row sums to images."""
    generator = np.random.default_rng(seed)
    return generator.multinomial(images, np.full(images, 1 / images), size=draws)


def drawn_precisions(matches: Matches, *, draws: int, seed: int) -> Floats:
    """AP in percent of each draw of images, shape (draws,); NaN where no class has an instance."""
    weights = draw_weights(len(matches.image_ids), draws=draws, seed=seed)
    return np.array([average_precision(matches, row) for row in weights])


def paired_bootstrap(
    first: Matches, second: Matches, *, draws: int = 1000, seed: int = 0
) -> Comparison:
    """Compare two methods on the same images; the same seed gives the same answer.

    Raises:
        InputError: they were not evaluated on the same images and instances, or no class has an
            instance.
    """
    _check_truth([first, second])
    drawn = [drawn_precisions(entry, draws=draws, seed=seed) for entry in (first, second)]
    return _compared(average_precision(first) - average_precision(second), *drawn)


@dataclass(kw_only=True, slots=True, frozen=True)
class Standing:
    """A method among others on the same images.

    Attributes:
        average_precision: in percent.
        comparison: with the baseline; None for the baseline itself.
        rank: by AP, 1 the best; equal APs share the mean of their ranks.
        rank_low: where the rank's 95 % interval over draws of images begins.
        rank_high: where it ends.
    """

    average_precision: float
    comparison: Comparison | None
    rank: float
    rank_low: float
    rank_high: float


def standings(
    methods: Mapping[str, Matches], baseline: str, *, draws: int = 1000, seed: int = 0
) -> dict[str, Standing]:
    """Every method compared with a baseline, and ranked among all.

    Raises:
        InputError: an unknown baseline, methods that were not evaluated on the same images and
            instances, or no class with an instance.
    """
    if baseline not in methods:
        raise unknown_name("baseline", baseline, methods)
    _check_truth(list(methods.values()))
    own = {name: average_precision(entry) for name, entry in methods.items()}
    drawn = {
        name: drawn_precisions(entry, draws=draws, seed=seed) for name, entry in methods.items()
    }
    places = rank_intervals(
        np.array(list(drawn.values())).T, list(methods), values=list(own.values())
    )
    return {
        name: Standing(
            average_precision=own[name],
            comparison=None
            if name == baseline
            else _compared(own[name] - own[baseline], drawn[name], drawn[baseline]),
            rank=places[name].rank,
            rank_low=places[name].low,
            rank_high=places[name].high,
        )
        for name in methods
    }


def _compared(difference: float, first: Floats, second: Floats) -> Comparison:
    if np.isnan(difference):
        raise InputError("no class has an instance: there is no AP to compare")
    # Rounded: equal APs are sums in different orders, and a tie must not hang on the last bit.
    found = np.round(first - second, DECIMALS)
    found = found[~np.isnan(found)]
    if not len(found):
        raise InputError(f"none of {len(first)} draws holds an instance: draw more")
    low, high = np.quantile(found, TAILS).tolist()
    sides = (np.count_nonzero(found <= 0) + 1, np.count_nonzero(found >= 0) + 1)
    return Comparison(
        difference=round(difference, DECIMALS),
        low=low,
        high=high,
        p=min(1.0, 2 * min(sides) / (len(found) + 1)),
        tie=low <= 0 <= high,
        draws=len(found),
    )


def _check_truth(entries: Sequence[Matches]) -> None:
    first = entries[0]
    for other in entries[1:]:
        if other.image_ids != first.image_ids:
            raise InputError(
                f"a paired bootstrap needs the same images: got {len(first.image_ids)} and "
                f"{len(other.image_ids)}, {len(set(first.image_ids) & set(other.image_ids))} shared"
            )
        here, there = ([entry.instances for entry in m.classes] for m in (first, other))
        if not np.array_equal(here, there):
            raise InputError(
                "a paired bootstrap needs the same instances: got "
                f"{int(np.sum(here))} of {len(here)} classes and {int(np.sum(there))} of "
                f"{len(there)}. Evaluate both against the same annotations and classes"
            )
