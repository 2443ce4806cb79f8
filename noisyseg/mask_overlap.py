"""Masks of annotations as run lengths, and how much two annotations overlap."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from noisyseg.errors import InputError
from noisyseg.run_length import runs_of

RunLengths = dict[str, Any]
"""A mask as pycocotools' compressed run lengths: `size` and `counts`."""

MOST_PIXELS = 2**31 - 1
FARTHEST = 10  # image sizes that a polygon may reach outside of its image
_NUMBER_TYPES = {int, float}  # bool is a subclass of int, but no coordinate


def has_mask(annotation: Mapping[str, Any]) -> bool:
    """Whether an annotation has a segmentation at all."""
    return bool(annotation.get("segmentation"))


def run_lengths(annotation: Mapping[str, Any], height: int, width: int) -> RunLengths:
    """The mask of an annotation that has one: polygons, or run lengths, compressed or not.

    Raises:
        InputError: a segmentation that is none of these, or not of the image's size.
    """
    from pycocotools import mask as coco_mask

    raw = annotation["segmentation"]
    if height * width > MOST_PIXELS:
        raise InputError(
            f"annotation {annotation['id']}: its image of {height} × {width} pixels is too large "
            f"for masks: wanted at most {MOST_PIXELS} pixels."
        )
    if isinstance(raw, list) and raw and all(map(is_polygon, raw)):
        _check_extent(annotation, height, width)
        united: RunLengths = coco_mask.merge(coco_mask.frPyObjects(raw, height, width))
        return united
    runs = _runs(raw["counts"]) if isinstance(raw, dict) and "counts" in raw else None
    size = raw.get("size") if isinstance(raw, dict) else None
    own_size = size == [height, width] and set(map(type, size)) == {int}
    if runs is None or sum(runs) != height * width or not own_size:
        raise InputError(
            f"annotation {annotation['id']}: wanted a segmentation of polygons with at least three "
            f"points, or run lengths of an image of {height} × {width} pixels (height × width), "
            f"got {repr(raw)[:80]}: export it again."
        )
    # pycocotools reads past the end of damaged compressed runs, so it gets them decoded.
    encoded: RunLengths = coco_mask.frPyObjects(
        {"size": [height, width], "counts": runs}, height, width
    )
    return encoded


def encoded(pixels: NDArray[Any]) -> RunLengths:
    """A mask's run lengths as files hold them.

    Args:
        pixels: 0 or 1, or False or True, shape (height, width).
    """
    from pycocotools import mask as coco_mask

    return as_text(coco_mask.encode(np.asfortranarray(pixels, dtype=np.uint8)))


def encoded_columns(masks: NDArray[np.uint8]) -> list[RunLengths]:
    """Run lengths of many masks as files hold them, of columns as run lengths go through them.

    Args:
        masks: 0 or 1, contiguous, shape (masks, width, height).
    """
    from pycocotools import mask as coco_mask

    # Seen from the end these are (height, width, masks) in Fortran's order: nothing is copied.
    return [as_text(mask) for mask in coco_mask.encode(masks.transpose(2, 1, 0))]


def as_text(mask: RunLengths) -> RunLengths:
    """Run lengths by pycocotools, whose `counts` are bytes, as files hold them."""
    return {"size": list(mask["size"]), "counts": mask["counts"].decode()}


def overlaps(one: Sequence[Any], other: Sequence[Any]) -> NDArray[np.float64]:
    """IoU of masks, or of boxes, of one image: N and M of a kind to (N, M)."""
    from pycocotools import mask as coco_mask

    if not len(one) or not len(other):
        return np.zeros((len(one), len(other)))
    sides = [
        side if isinstance(side[0], dict) else np.asarray(side, dtype=np.float64)
        for side in (list(one), list(other))
    ]
    found: NDArray[np.float64] = np.asarray(coco_mask.iou(*sides, [0] * len(other)))
    return found


def shapes(
    one: Sequence[Mapping[str, Any]],
    other: Sequence[Mapping[str, Any]],
    height: int,
    width: int,
) -> tuple[list[Any], list[Any]]:
    """What to compare the annotations of an image by: masks, or boxes if one lacks its mask."""
    if all(has_mask(annotation) for side in (one, other) for annotation in side):
        first, second = ([run_lengths(a, height, width) for a in side] for side in (one, other))
    else:
        first, second = ([a["bbox"] for a in side] for side in (one, other))
    return first, second


def overlap(one: Mapping[str, Any], other: Mapping[str, Any], height: int, width: int) -> float:
    """IoU of two annotations' masks, or of their boxes where one has no mask."""
    return float(overlaps(*shapes([one], [other], height, width))[0, 0])


def _check_extent(annotation: Mapping[str, Any], height: int, width: int) -> None:
    """Refuse what pycocotools' 32-bit arithmetic would crash on, or draw for hours."""
    most = FARTHEST * max(height, width)
    if any(max(points) > most or min(points) < -most for points in annotation["segmentation"]):
        raise InputError(
            f"annotation {annotation['id']}: a polygon reaches far outside its image of "
            f"{height} × {width} pixels: is the image's size in the file right?"
        )


def is_polygon(raw: Any) -> bool:
    """Whether a value is [x, y, x, y, …] of at least three points."""
    return (
        isinstance(raw, list)
        and len(raw) >= 6
        and len(raw) % 2 == 0
        and {*map(type, raw)} <= _NUMBER_TYPES
        # One sum is many times faster, and finite only if all are.
        and (math.isfinite(sum(raw)) or all(map(math.isfinite, raw)))
    )


def _runs(counts: Any) -> list[int] | None:
    if isinstance(counts, str):
        decoded = runs_of(counts)
        runs = [] if decoded is None else decoded.tolist()
    else:
        runs = counts if isinstance(counts, list) else []
    fits = runs and all(type(run) is int and run >= 0 for run in runs)
    return runs if fits else None
