"""Masks that are polygons: their faults and what they cover. V vertices, M masks."""

from collections.abc import Generator, Sequence
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
from pycocotools import mask as coco_mask

from noisyseg.annotation_files.columns import Columns, Floats, Places, flags
from noisyseg.annotation_files.columns import places as places_of
from noisyseg.annotation_files.findings import Finding, Level
from noisyseg.annotation_files.shape_kinds import (
    FAR,
    MALFORMED,
    MARGIN,
    NO_PIXEL,
    POLYGON_OUT,
    SIZE_HINT,
    Extents,
    findings_of,
)
from noisyseg.mask_overlap import FARTHEST, is_polygon, run_lengths

_SLIVER = 2.0  # pixels, wide or in all


def polygon_findings(columns: Columns, places: Places) -> Generator[Finding, None, Extents]:
    """Faults of polygons; returns the extents of those that have none."""
    masks = [columns.annotations[place]["segmentation"] for place in places.tolist()]
    vertices = _vertices(masks)
    if vertices is None:  # some are malformed: which?
        whole = flags(all(map(is_polygon, mask)) for mask in masks)
        yield from findings_of(columns, Level.ERROR, MALFORMED, places[~whole].tolist())
        places = places[whole]
        masks = [mask for mask, fits in zip(masks, whole, strict=True) if fits]
        vertices = _vertices(masks)
    if not masks or vertices is None:
        return Extents.none()
    extents = _polygon_extents(masks, vertices, places)
    left, top, right, bottom = extents.bounds.T
    heights, widths = columns.heights[places], columns.widths[places]
    most = FARTHEST * np.maximum(heights, widths)
    far = (np.minimum(left, top) < -most) | (np.maximum(right, bottom) > most)
    out = (np.minimum(left, top) < -MARGIN) | (right > widths + MARGIN)
    out |= bottom > heights + MARGIN
    yield from findings_of(columns, Level.ERROR, FAR, places[far].tolist(), mend=SIZE_HINT)
    yield from findings_of(columns, Level.FLAW, POLYGON_OUT, places[out & ~far].tolist())
    beside = (right <= 0) | (bottom <= 0) | (left >= widths) | (top >= heights)
    # Whether a sliver has a pixel only drawing tells.
    thin = np.minimum(right - left, bottom - top) < _SLIVER
    slim = places_of(~far & ~beside & (thin | (extents.areas < _SLIVER)))
    empty = ~far & beside
    empty[[n for n in slim if not _pixels(columns, int(places[n]))]] = True
    yield from findings_of(columns, Level.WARNING, NO_PIXEL, places[empty].tolist())
    sound = ~far & ~empty
    return Extents(places[sound], extents.bounds[sound], extents.areas[sound])


def _pixels(columns: Columns, place: int) -> int:
    height, width = int(columns.heights[place]), int(columns.widths[place])
    return int(coco_mask.area(run_lengths(columns.annotations[place], height, width)))


class _Vertices(NamedTuple):
    """All polygons' vertices in a row: x (V,), y (V,), number of vertices by polygon."""

    x: Floats
    y: Floats
    sizes: Places


def _vertices(masks: Sequence[list[Any]]) -> _Vertices | None:
    """The vertices of all polygons; None if anything among them is no polygon."""
    polygons = list(chain.from_iterable(masks))
    if not set(map(type, polygons)) <= {list}:
        return None
    lengths = np.fromiter(map(len, polygons), np.int64, len(polygons))
    kinds = set(map(type, chain.from_iterable(polygons)))
    if (lengths < 6).any() or (lengths % 2).any() or not kinds <= {int, float}:
        return None
    flat = np.fromiter(chain.from_iterable(polygons), np.float64, int(lengths.sum()))
    if not np.isfinite(flat).all():
        return None
    return _Vertices(flat[0::2], flat[1::2], lengths // 2)


def _polygon_extents(masks: Sequence[list[Any]], vertices: _Vertices, places: Places) -> Extents:
    """Bounds of each annotation's polygons, and the sum of their areas by the shoelace formula."""
    x, y, sizes = vertices
    starts = np.cumsum(sizes) - sizes
    after = np.arange(1, len(x) + 1)
    after[starts + sizes - 1] = starts
    # From each polygon's first vertex, so that far coordinates do not swallow small areas.
    own_x, own_y = x - np.repeat(x[starts], sizes), y - np.repeat(y[starts], sizes)
    cross = own_x * own_y[after] - own_x[after] * own_y
    areas = np.abs(np.add.reduceat(cross, starts)) / 2
    parts = np.fromiter(map(len, masks), np.int64, len(masks))
    first = np.cumsum(parts) - parts
    begin = starts[first]
    low = [np.minimum.reduceat(values, begin) for values in (x, y)]
    high = [np.maximum.reduceat(values, begin) for values in (x, y)]
    return Extents(places, np.stack([*low, *high], axis=1), np.add.reduceat(areas, first))
