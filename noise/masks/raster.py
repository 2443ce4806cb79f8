"""Masks of instances as small rasters: cut out of run lengths, put back, traced and filled.

Run lengths go down the columns of the whole image; a raster is the part of it that an instance
needs, so that the work on an instance grows with the instance and not with the image.

OpenCV and pycocotools are imported where they are called: a list of the types needs neither.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from noisyseg.mask_overlap import RunLengths
from noisyseg.run_length import decode_counts

Contour = NDArray[np.int32]
"""Pixels (column, row) along an edge, shape (n, 2)."""


class Crop(NamedTuple):
    """A part of an image's mask; outside of it the mask is empty.

    Attributes:
        raster: 0 or 1, shape (rows, columns).
        top, left: its first row and column in the image.
    """

    raster: NDArray[np.uint8]
    top: int
    left: int


def cut_out(mask: RunLengths, margin: int) -> Crop:
    """The box of a mask that has a pixel, with a margin in pixels as far as the image goes."""
    from pycocotools import mask as coco_mask

    height, width = mask["size"]
    x, y, columns, rows = (int(number) for number in coco_mask.toBbox(mask))
    left, right = max(x - margin, 0), min(x + columns + margin, width)
    top, bottom = max(y - margin, 0), min(y + rows + margin, height)
    runs = decode_counts(mask["counts"])
    edges = np.concatenate(([0], np.cumsum(runs))).clip(left * height, right * height)
    values = np.repeat((np.arange(len(runs)) & 1).astype(np.uint8), edges[1:] - edges[:-1])
    raster = values.reshape(right - left, height).T[top:bottom]
    return Crop(np.ascontiguousarray(raster), top, left)


def put_back(crop: Crop, height: int, width: int) -> RunLengths:
    """Run lengths of the image that a crop with at least one pixel set is a part of."""
    from pycocotools import mask as coco_mask

    rows, columns = crop.raster.shape
    padded = np.zeros((columns, rows + 2), dtype=np.uint8)
    padded[:, 1:-1] = crop.raster.T
    turns = np.flatnonzero(padded[:, 1:] != padded[:, :-1])
    column, row = np.divmod(turns, rows + 1)
    places = (column + crop.left) * height + row + crop.top
    # A run that goes on from the bottom of a column to the top of the next ends and starts there.
    starts, ends = places[::2], places[1::2]
    goes_on = ends[:-1] == starts[1:]
    runs = np.empty((len(starts) - int(goes_on.sum()), 2), dtype=np.int64)
    runs[:, 0] = starts[np.concatenate(([True], ~goes_on))]
    runs[:, 1] = ends[np.concatenate((~goes_on, [True]))]
    last = height * width
    edges = np.concatenate(([0], runs.ravel(), [last] if runs[-1, 1] < last else []))
    counts = (edges[1:] - edges[:-1]).astype(np.int64).tolist()
    encoded: RunLengths = coco_mask.frPyObjects(
        {"size": [height, width], "counts": counts}, height, width
    )
    return encoded


def trace(crop: Crop) -> list[list[Contour]]:
    """The connected parts: each its outer contour, then those of its holes, in image coordinates.

    Contours have a vertex where their direction changes. `fill` turns them back exactly.
    """
    import cv2

    found, hierarchy = cv2.findContours(
        crop.raster, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE, offset=(crop.left, crop.top)
    )
    contours: list[Contour] = [contour.reshape(-1, 2).astype(np.int32) for contour in found]
    parents = [] if hierarchy is None else hierarchy[0, :, 3].tolist()
    parts = {place: [contours[place]] for place, parent in enumerate(parents) if parent < 0}
    for place, parent in enumerate(parents):
        if parent >= 0:
            parts[parent].append(contours[place])
    return list(parts.values())


def fill(parts: Sequence[Sequence[Contour]], height: int, width: int) -> Crop:
    """The union of parts, each filled between its contours, these included, and cut at the image.

    Args:
        parts: at least one, as `trace` gives them; vertices may lie outside of the image.
    """
    import cv2

    vertices = np.concatenate([contour for part in parts for contour in part])
    left, top = (int(number) for number in vertices.min(axis=0))
    right, bottom = (int(number) + 1 for number in vertices.max(axis=0))
    canvas = np.zeros((bottom - top, right - left), dtype=np.uint8)
    for part in parts:
        layer = np.zeros_like(canvas)
        cv2.fillPoly(layer, list(part), 1, offset=(-left, -top))
        canvas |= layer
    rows = slice(max(-top, 0), max(height - top, 0))
    columns = slice(max(-left, 0), max(width - left, 0))
    inside = np.ascontiguousarray(canvas[rows, columns])
    # Where nothing is left inside, the place of no pixels must still be one.
    return Crop(inside, min(max(top, 0), height), min(max(left, 0), width))
