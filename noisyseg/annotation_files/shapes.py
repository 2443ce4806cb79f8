"""Boxes, areas and masks of a COCO file's annotations against their images and each other.

What is asked of all of them is asked of arrays, some thousand annotations at a time; they are
looked at one by one where a part has a fault. N annotations, M masks.
"""

from collections.abc import Iterator

import numpy as np

from noisyseg.annotation_files.columns import Columns, Floats, flags
from noisyseg.annotation_files.columns import places as places_of
from noisyseg.annotation_files.findings import Finding, Level
from noisyseg.annotation_files.polygon_masks import polygon_findings
from noisyseg.annotation_files.run_length_masks import rle_findings
from noisyseg.annotation_files.shape_kinds import (
    AREA_MISFIT,
    BOX_FAR,
    BOX_FLAT,
    BOX_MISFIT,
    BOX_OUT,
    MALFORMED,
    MARGIN,
    NEGATIVE_AREA,
    NO_AREA,
    NO_MASK,
    NO_RANGE,
    SIZE_HINT,
    TOO_LARGE,
    Extents,
    findings_of,
)
from noisyseg.mask_overlap import FARTHEST, MOST_PIXELS

AT_ONCE = 1 << 13
"""Annotations that are looked at together."""
_MOST_AREA = 1e10  # pixels; a larger object is not counted at all
_LEAST_FIT, _NEAR = 0.5, 3.0  # IoU of a box and its mask's; pixels by which a side may be off
_MOST_RATIO, _FEW_PIXELS = 2.5, 16.0  # of an annotation's area and its mask's
_BOXES = "COCO's boxes are x, y, width, height, in pixels; correct them, or export the file again"
_AREAS = "COCO's area is the mask's pixels: APs, APm and APl sort objects by it; export it again"


def shape_findings(columns: Columns, *, masks: bool = True) -> Iterator[Finding]:
    """What is wrong with the shapes of annotations.

    Args:
        columns: of a file.
        masks: whether each annotation must have a mask and an area, as training and evaluation
            want; those that are there are looked at in any case.
    """
    for start in range(0, len(columns.annotations), AT_ONCE):
        part = columns.part(start, start + AT_ONCE)
        with np.errstate(all="ignore"):  # of sides of 1e300
            found = [
                *_box_findings(part),
                *_area_findings(part, wanted=masks),
                *_mask_findings(part, wanted=masks),
            ]
        yield from found


def _box_findings(columns: Columns) -> Iterator[Finding]:
    x, y, width, height = columns.boxes.T
    negative = (width < 0) | (height < 0)
    flat = ~negative & ((width == 0) | (height == 0))
    yield from findings_of(columns, Level.ERROR, BOX_FLAT, places_of(negative))
    yield from findings_of(
        columns, Level.WARNING, BOX_FLAT, places_of(flat), mend=""
    )  # COCO has some
    least, right, bottom = np.minimum(x, y), x + width, y + height
    most = FARTHEST * np.maximum(columns.heights, columns.widths)
    far = (least < -most) | (np.maximum(right, bottom) > most)
    out = (least < -MARGIN) | (right > columns.widths + MARGIN)
    out |= bottom > columns.heights + MARGIN
    yield from findings_of(columns, Level.ERROR, BOX_FAR, places_of(far), mend=SIZE_HINT)
    yield from findings_of(columns, Level.FLAW, BOX_OUT, places_of(out & ~far))


def _area_findings(columns: Columns, *, wanted: bool) -> Iterator[Finding]:
    if wanted:
        absent = places_of(np.isnan(columns.areas))
        yield from findings_of(columns, Level.ERROR, NO_AREA, absent)
        yield from findings_of(columns, Level.ERROR, NEGATIVE_AREA, places_of(columns.areas < 0))
        yield from findings_of(
            columns, Level.ERROR, NO_RANGE, places_of(columns.areas > _MOST_AREA)
        )


def _mask_findings(columns: Columns, *, wanted: bool) -> Iterator[Finding]:
    masks = [entry.get("segmentation") for entry in columns.annotations]
    kinds = list(map(type, masks))
    given = flags(masks)
    if wanted:
        yield from findings_of(columns, Level.ERROR, NO_MASK, places_of(~given))
    large = columns.heights * columns.widths > MOST_PIXELS
    yield from findings_of(columns, Level.ERROR, TOO_LARGE, places_of(given & large))
    given &= ~large
    polygons = flags(kind is list for kind in kinds)
    rle = flags(kind is dict for kind in kinds)
    yield from findings_of(columns, Level.ERROR, MALFORMED, places_of(given & ~polygons & ~rle))
    for find, which in ((polygon_findings, given & polygons), (rle_findings, given & rle)):
        places = np.flatnonzero(which)
        if len(places):
            extents = yield from find(columns, places)
            yield from _fit_findings(columns, extents)


def _fit_findings(columns: Columns, extents: Extents) -> Iterator[Finding]:
    """Boxes and areas that are not those of their masks; crowds' are nobody's business."""
    places, bounds, pixels = extents
    boxes = columns.boxes[places]
    corners = np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)
    off = np.abs(corners - bounds).max(axis=1, initial=0) > _NEAR
    misfit = off & (_overlap(corners, bounds) < _LEAST_FIT)

    def row(place: int) -> int:
        return int(np.searchsorted(places, place))

    def box(place: int) -> str:
        own, masks = boxes[row(place)], bounds[row(place)]
        return f"{own.tolist()}, its mask's is {_box_of(masks)}{_hint(own, masks)}"

    yield from findings_of(columns, Level.WARNING, BOX_MISFIT, places[misfit].tolist(), box, _BOXES)
    areas = columns.areas[places]
    ratio = np.maximum(areas / pixels, pixels / areas)  # below 0 for areas that are
    misfit = (ratio > _MOST_RATIO) & (np.abs(areas - pixels) > _FEW_PIXELS)
    odd = [
        place for place in places[misfit].tolist() if not columns.annotations[place].get("iscrowd")
    ]

    def area(place: int) -> str:
        return f"{areas[row(place)]:g}, its mask's is {pixels[row(place)]:g}"

    yield from findings_of(columns, Level.WARNING, AREA_MISFIT, odd, area, _AREAS)


def _overlap(one: Floats, other: Floats) -> Floats:
    """IoU of boxes by their corners, shape (M,)."""
    low, high = np.maximum(one[:, :2], other[:, :2]), np.minimum(one[:, 2:], other[:, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=1)
    both = sum((side[:, 2:] - side[:, :2]).prod(axis=1) for side in (one, other)) - shared
    overlap: Floats = np.divide(shared, both, out=np.zeros_like(shared), where=both > 0)
    return overlap


def _box_of(bounds: Floats) -> list[float]:
    left, top, right, bottom = bounds.tolist()
    return [left, top, right - left, bottom - top]


def _hint(box: Floats, bounds: Floats) -> str:
    if np.abs(box - bounds).max() <= _NEAR:
        return " (x1, y1, x2, y2?)"
    return " (fractions of the image?)" if (np.abs(box) <= 1).all() else ""
