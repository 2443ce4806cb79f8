"""AP as COCO has it, with each image counted as often as a weight says, for many weights at once.

Precision only falls between the detections that are right, so that they alone are looked at: I
images, H of a class's detections that are right at some threshold, B weights of each image.
"""

import numpy as np
from numpy.typing import NDArray

from noisyseg.results.evaluation.image_matches import ClassMatches, Floats, Matches

_RECALLS = np.linspace(0.0, 1.0, 101)
_LATE = np.arange(101) / 100 < _RECALLS
"""COCO's recall points that lie above their hundredth, in the last bit: it does not reach them."""
_CELLS = 1 << 18  # of an array of detections by weights: two megabytes, which a cache holds


def average_precision(matches: Matches, weights: NDArray[np.int64] | None = None) -> float:
    """AP in percent, each image counted as often as its weight says.

    Args:
        matches: of an evaluation.
        weights: how often each image counts, shape (I,); once each when None.

    Returns:
        The mean over thresholds and over the classes with an instance; NaN if none has one.
    """
    if weights is None:
        weights = np.ones(len(matches.image_ids), dtype=np.int64)
    return float(average_precisions(matches, weights[None, :])[0])


def average_precisions(matches: Matches, weights: NDArray[np.int64]) -> Floats:
    """The same for many weights of the images, shape (B, I): B numbers."""
    by_image = np.ascontiguousarray(weights.T, dtype=np.float64)
    if not matches.classes:
        return np.full(by_image.shape[1], np.nan)
    values = np.array([_of_class(entry, by_image) for entry in matches.classes])
    known = ~np.isnan(values)
    total = np.where(known, values, 0.0).sum(axis=0)
    count = known.sum(axis=0)
    return np.asarray(np.where(count > 0, 100 * total / np.maximum(count, 1), np.nan))


def _of_class(entry: ClassMatches, by_image: Floats) -> Floats:
    """A class's AP as a fraction, of weights of shape (I, B); NaN without an instance."""
    instances = entry.instances @ by_image
    right = entry.right & entry.counts
    found = np.flatnonzero(right.any(axis=0))
    at_most = np.where(instances > 0, instances, np.inf)
    total = np.zeros(by_image.shape[1])
    if len(found):
        part = max(1, _CELLS // int(found[-1] + 1))
        for start in range(0, len(total), part):
            here = slice(start, start + part)
            total[here] = _summed(entry, right, found, by_image[:, here], at_most[here])
    return np.where(instances > 0, total / (len(right) * len(_RECALLS)), np.nan)


def _summed(
    entry: ClassMatches,
    right: NDArray[np.bool_],
    found: NDArray[np.int64],
    by_image: Floats,
    instances: Floats,
) -> Floats:
    """Precision summed over thresholds and recall points.

    Args:
        entry: of the class.
        right: whether a detection counts and is right, shape (T, D).
        found: places of detections that are right at some threshold, ascending, shape (H,).
        by_image: weights, shape (I, B).
        instances: how many there are, infinite for none, shape (B,).
    """
    weight = by_image[entry.image[: found[-1] + 1]]
    own = weight[found]
    until = np.cumsum(weight, axis=0)[found]
    total = np.zeros(len(instances))
    for chosen, counts in zip(right[:, found], entry.counts, strict=True):
        if chosen.any():
            places = found[chosen]
            # Few are: a match with a crowd.
            ignored = np.flatnonzero(~counts[: found[-1]])
            counted = until[chosen] - _before(places, ignored, weight)
            total += _under_curve(np.cumsum(own[chosen], axis=0), counted, instances)
    return total


def _before(places: NDArray[np.int64], chosen: NDArray[np.int64], weight: Floats) -> Floats | float:
    """The weight of some detections that lie before each place, shape (places, B)."""
    if not len(chosen):
        return 0.0
    sums = np.cumsum(weight[chosen], axis=0)
    return np.concatenate([np.zeros_like(sums[:1]), sums])[np.searchsorted(chosen, places)]


def _under_curve(hits: Floats, counted: Floats, instances: Floats) -> Floats:
    """Precision summed over the recall points, from what there is at each right detection.

    Args:
        hits: right detections until then, shape (H, B).
        counted: detections until then, shape (H, B).
        instances: shape (B,).
    """
    precision = hits / (counted + np.spacing(1))
    # At each recall, the best precision that is had at it or at a higher one.
    envelope = np.maximum.accumulate(precision[::-1], axis=0)[::-1]
    hundredths = 100 * hits / instances
    whole = np.floor(hundredths)
    reached = whole + 1 - ((whole == hundredths) & _LATE[whole.astype(np.intp)])
    reached[1:] -= reached[:-1].copy()
    return np.asarray(np.einsum("hb,hb->b", envelope, reached))
