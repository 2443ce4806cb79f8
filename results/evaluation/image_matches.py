"""What an evaluation matched in each image, class by class."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


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
