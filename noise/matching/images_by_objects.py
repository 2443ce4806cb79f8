"""Which image of one annotation file is which of another by size and objects, not by name."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from noisyseg.annotation_files.document import CocoDocument

_SAME_BOX = (0.01, 1.0)  # pixels that exports round boxes by, first the least

ImageIds = dict[int, int]
"""Image id after -> image id before."""
Boxes = NDArray[np.float64]


class BoxedImage(NamedTuple):
    """An image's id, its width and height, and the boxes of its annotations, shape (N, 4)."""

    number: int
    size: tuple[int, int]
    boxes: Boxes


def matched_by_objects(before: CocoDocument, after: CocoDocument) -> ImageIds | None:
    """Images of the same size with the same boxes, if each has exactly one counterpart.

    Images of no object are interchangeable where both files have as many of a size. None if
    that leaves an image without a counterpart or with two, or if no image has an object.
    """
    old, new = boxed_images(before), boxed_images(after)
    if len(old) != len(new) or not any(len(image.boxes) for image in old):
        return None
    for tolerance in _SAME_BOX:
        found = _one_to_one(_groups(old), _groups(new), tolerance)
        if found is not None:
            return found
    return None


Group = tuple[tuple[int, int], int]


def _one_to_one(
    old: Mapping[Group, list[BoxedImage]], new: Mapping[Group, list[BoxedImage]], tolerance: float
) -> ImageIds | None:
    if {group: len(images) for group, images in old.items()} != {
        group: len(images) for group, images in new.items()
    }:
        return None
    found: ImageIds = {}
    for group, images in new.items():
        if not group[1]:
            pairs = zip(images, old[group], strict=True)
            found.update((image.number, twin.number) for image, twin in pairs)
            continue
        others = sorted(old[group], key=_sum_of_lefts)
        places = np.array([_sum_of_lefts(other) for other in others])
        for image in images:
            # Of thousands of images, only those are compared whose boxes can be the same.
            reach = tolerance * (group[1] + 1)
            place = _sum_of_lefts(image)
            start, stop = np.searchsorted(places, [place - reach, place + reach])
            twins = [other for other in others[start:stop] if _same_boxes(image, other, tolerance)]
            if len(twins) != 1:
                return None
            found[image.number] = twins[0].number
    return found if len(set(found.values())) == len(found) else None


def _sum_of_lefts(image: BoxedImage) -> float:
    return float(image.boxes[:, 0].sum())


def _same_boxes(one: BoxedImage, other: BoxedImage, tolerance: float) -> bool:
    free = list(other.boxes)
    for box in one.boxes:
        place = next((i for i, b in enumerate(free) if np.abs(box - b).max() <= tolerance), None)
        if place is None:
            return False
        free.pop(place)
    return True


def _groups(images: Iterable[BoxedImage]) -> dict[Group, list[BoxedImage]]:
    groups: dict[Group, list[BoxedImage]] = defaultdict(list)
    for image in images:
        groups[image.size, len(image.boxes)].append(image)
    return groups


def boxed_images(document: CocoDocument) -> list[BoxedImage]:
    """A file's images, in its order."""
    boxes: dict[int, list[list[float]]] = defaultdict(list)
    for entry in document["annotations"]:
        boxes[entry["image_id"]].append(entry["bbox"])
    return [
        BoxedImage(
            image["id"],
            (image["width"], image["height"]),
            np.array(boxes[image["id"]], dtype=np.float64).reshape(-1, 4),
        )
        for image in document["images"]
    ]


def share_a_box(one: BoxedImage, other: BoxedImage) -> bool:
    """Whether two images have an object in the same place."""
    return bool((np.abs(one.boxes[:, None] - other.boxes[None]).max(-1) <= _SAME_BOX[-1]).any())
