"""Paired bootstrap over images: how sure one method's AP is above another's on the same images.

Images are drawn with replacement, the same for both methods, and an image drawn twice counts twice
(Efron & Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13). No detection is matched
anew: matches are within an image, so that a draw only weighs them. Of an image's detections of a
class that have exactly one score, copies come in the order of the detections, not of the copies.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from noisyseg.errors import InputError, unknown_name
from noisyseg.results.statistics.intervals import DECIMALS, TAILS, rank_intervals

Floats = NDArray[np.float64]
_RECALLS = np.linspace(0.0, 1.0, 101)


@dataclass(kw_only=True, slots=True, frozen=True, eq=False)
class ClassMatches:
    """A class's detections in all images, by falling score; D of them, T IoU thresholds.

    Attributes:
        image: place of each detection's image, shape (D,).
        right: whether it is matched, shape (T, D).
        counts: whether it counts at all (a match with a crowd does not), shape (T, D).
        instances: number of instances in each image, crowds left out, shape (images,).
    """

    image: NDArray[np.int64]
    right: NDArray[np.bool_]
    counts: NDArray[np.bool_]
    instances: NDArray[np.int64]


@dataclass(kw_only=True, slots=True, frozen=True, eq=False)
class Matches:
    """What an evaluation matched: the images' ids, and a `ClassMatches` for each class."""

    image_ids: tuple[int, ...]
    classes: tuple[ClassMatches, ...]


def collect_matches(
    images: Sequence[Any],
    *,
    image_ids: Sequence[int],
    category_ids: Sequence[int],
    area: Sequence[float],
    thresholds: int,
) -> Matches:
    """The matches of an evaluation by class.

    Args:
        images: `COCOeval.evalImgs`.
        image_ids: that were evaluated.
        category_ids: that were evaluated.
        area: the range whose matches are taken, as the evaluation had it.
        thresholds: T.
    """
    order = {number: place for place, number in enumerate(sorted(image_ids))}
    entries: dict[int, list[Any]] = {number: [] for number in sorted(category_ids)}
    for entry in images:
        if entry is not None and list(entry["aRng"]) == list(area):
            entries[int(entry["category_id"])].append(entry)
    classes = [
        _class_matches(sorted(found, key=lambda e: order[int(e["image_id"])]), order, thresholds)
        for found in entries.values()
    ]
    return Matches(image_ids=tuple(order), classes=tuple(classes))


def _class_matches(
    entries: Sequence[Any], order: Mapping[int, int], thresholds: int
) -> ClassMatches:
    instances = np.zeros(len(order), dtype=np.int64)
    scores: list[Floats] = [np.zeros(0)]
    image: list[NDArray[np.int64]] = [np.zeros(0, dtype=np.int64)]
    right: list[NDArray[np.bool_]] = [np.zeros((thresholds, 0), dtype=bool)]
    counts: list[NDArray[np.bool_]] = [np.zeros((thresholds, 0), dtype=bool)]
    for entry in entries:
        place = order[int(entry["image_id"])]
        instances[place] = int(np.count_nonzero(np.asarray(entry["gtIgnore"]) == 0))
        found = np.asarray(entry["dtScores"], dtype=np.float64)
        scores.append(found)
        image.append(np.full(len(found), place))
        shape = (thresholds, len(found))
        right.append(np.asarray(entry["dtMatches"]).reshape(shape) > 0)
        counts.append(~np.asarray(entry["dtIgnore"]).reshape(shape).astype(bool))
    # Stable, as COCO's: of equal scores the earlier image's comes first.
    falling = np.argsort(-np.concatenate(scores), kind="stable")
    return ClassMatches(
        image=np.concatenate(image)[falling],
        right=np.concatenate(right, axis=1)[:, falling],
        counts=np.concatenate(counts, axis=1)[:, falling],
        instances=instances,
    )


def average_precision(matches: Matches, weights: NDArray[np.int64] | None = None) -> float:
    """AP in percent, as COCO has it, with each image counted as often as its weight says.

    Args:
        matches: of an evaluation.
        weights: how often each image counts, shape (images,); once each when None.

    Returns:
        The mean over thresholds and over the classes with an instance; NaN if none has one.
    """
    if weights is None:
        weights = np.ones(len(matches.image_ids), dtype=np.int64)
    values = [_of_class(entry, weights) for entry in matches.classes]
    known = [value for value in values if value is not None]
    return 100 * float(np.mean(known)) if known else float("nan")


def _of_class(entry: ClassMatches, weights: NDArray[np.int64]) -> float | None:
    instances = int(entry.instances @ weights)
    if not instances:
        return None
    weight = weights[entry.image]
    hits = np.cumsum(weight * (entry.right & entry.counts), axis=1)
    all_counted = np.cumsum(weight * entry.counts, axis=1)
    precision = hits / (all_counted + np.spacing(1))
    # At each recall, the best precision that is had at it or at a higher one.
    envelope = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    recall = hits / instances
    total = 0.0
    for threshold in range(len(recall)):
        reached = np.searchsorted(recall[threshold], _RECALLS, side="left")
        inside = reached < recall.shape[1]
        total += float(envelope[threshold, reached[inside]].sum())
    return total / (len(recall) * len(_RECALLS))


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
