"""Boxes, areas and masks of a COCO file's annotations against their images and each other.

A COCO-sized file has 46 million coordinates: what is asked of all of them is asked of arrays, a few
thousand annotations at a time, and annotations are looked at one by one where a part has a fault.
N annotations, V vertices.
"""

from collections import defaultdict
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from noisyseg.annotation_files.findings import EXPORT, Finding, Level, annotation_name
from noisyseg.mask_overlap import FARTHEST, MOST_PIXELS, is_polygon, run_lengths
from noisyseg.run_length import pixels_described

Annotation = dict[str, Any]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Places = NDArray[np.int64]

_AT_ONCE = 1 << 13
_ONE_BY_ONE = 100  # of a kind among so many annotations; the rest are counted
_MOST_AREA = 1e10  # pixels; a larger object is not counted at all
_SLIVER = 2.0  # pixels, wide or in all
_MARGIN = 1.0  # pixels that rounding may put outside of an image
_LEAST_FIT, _NEAR = 0.5, 3.0  # IoU of a box and its mask's; pixels by which a side may be off
_MOST_RATIO, _FEW_PIXELS = 2.5, 16.0  # of an annotation's area and its mask's

NO_MASK = "an annotation has no mask"
NO_AREA = "an annotation has no area, a number of pixels"
NEGATIVE_AREA = "an area is negative"
NO_RANGE = "an area is above the range that COCO's evaluation calls all"
MALFORMED = "a mask is neither polygons of at least 3 points nor RLE"
OTHER_SIZE = "a mask is not of its image's size"
NOT_FILLED = "a mask's run lengths do not fill its image"
TOO_LARGE = "an image is too large for masks"
FAR = "a polygon reaches far outside its image"
POLYGON_OUT = "a polygon reaches out of its image"
BOX_FAR = "a box reaches far outside its image"
BOX_OUT = "a box reaches out of its image"
BOX_FLAT = "a box has no area"
NO_PIXEL = "a mask has no pixel"
BOX_MISFIT = "a box does not fit its mask"
AREA_MISFIT = "an area is not its mask's"
_SIZE = "is the image's size in the file right?"
_BOXES = "COCO's boxes are x, y, width, height, in pixels; correct them, or export the file again"
_AREAS = "COCO's area is the mask's pixels: APs, APm and APl sort objects by it; export it again"


@dataclass(slots=True, frozen=True)
class _Chunk:
    """Some annotations as columns.

    Attributes:
        boxes: shape (N, 4).
        areas: NaN where there is none, shape (N,).
        heights, widths: of their images, shape (N,).
    """

    entries: Sequence[Annotation]
    images: Sequence[dict[str, Any]]
    boxes: Floats
    areas: Floats
    heights: Places
    widths: Places

    def findings(
        self,
        level: Level,
        kind: str,
        places: Iterable[int],
        detail: Callable[[int], str] = lambda _: "",
        mend: str = EXPORT,
    ) -> Iterator[Finding]:
        """A finding for each of the first places, with its detail, and one for all others."""
        found = list(places)
        for number, place in enumerate(found[: _ONE_BY_ONE + 1]):
            where = annotation_name(self.entries[place], self.images[place])
            more = detail(place)
            yield Finding(
                level=level,
                kind=kind,
                where=f"{where}: {more}" if more else where,
                mend=mend,
                count=1 if number < _ONE_BY_ONE else len(found) - _ONE_BY_ONE,
            )


class _Extents(NamedTuple):
    """What masks cover: places of their annotations (M,), left, top, right, bottom, area (M,)."""

    places: Places
    bounds: Floats
    areas: Floats


def shape_findings(document: dict[str, Any], *, masks: bool = True) -> Iterator[Finding]:
    """What is wrong with the shapes of annotations whose images are in the file.

    Args:
        document: whose entries are well-formed by themselves (see `document`).
        masks: whether each annotation must have a mask and an area, as training and evaluation
            want; those that are there are looked at in any case.
    """
    images = {image["id"]: image for image in document["images"]}
    entries = [entry for entry in document["annotations"] if entry["image_id"] in images]
    for start in range(0, len(entries), _AT_ONCE):
        part = entries[start : start + _AT_ONCE]
        own = [images[entry["image_id"]] for entry in part]
        chunk = _Chunk(
            entries=part,
            images=own,
            boxes=boxes_of(part),
            areas=_numbers([entry.get("area") for entry in part]),
            heights=_integers([image["height"] for image in own]),
            widths=_integers([image["width"] for image in own]),
        )
        with np.errstate(all="ignore"):  # of sides of 1e300
            found = [
                *_box_findings(chunk),
                *_area_findings(chunk, wanted=masks),
                *_mask_findings(chunk, wanted=masks),
            ]
        yield from found


def boxes_of(annotations: Sequence[Annotation]) -> Floats:
    """Their boxes, x, y, width, height, shape (N, 4)."""
    numbers = chain.from_iterable([entry["bbox"] for entry in annotations])
    return np.fromiter(numbers, np.float64, 4 * len(annotations)).reshape(-1, 4)


def _flags(values: Iterable[Any]) -> Flags:
    return np.array([bool(value) for value in values], dtype=np.bool_)


def _integers(values: Sequence[int]) -> Places:
    # A side beyond 2^31 is too large for a mask whatever it is.
    return np.array([min(value, 2**31) for value in values], dtype=np.int64)


def _box_findings(chunk: _Chunk) -> Iterator[Finding]:
    x, y, width, height = chunk.boxes.T
    negative = (width < 0) | (height < 0)
    flat = ~negative & ((width == 0) | (height == 0))
    yield from chunk.findings(Level.ERROR, BOX_FLAT, _places(negative))
    yield from chunk.findings(Level.WARNING, BOX_FLAT, _places(flat), mend="")  # COCO has some
    least, right, bottom = np.minimum(x, y), x + width, y + height
    most = FARTHEST * np.maximum(chunk.heights, chunk.widths)
    far = (least < -most) | (np.maximum(right, bottom) > most)
    out = (least < -_MARGIN) | (right > chunk.widths + _MARGIN)
    out |= bottom > chunk.heights + _MARGIN
    yield from chunk.findings(Level.ERROR, BOX_FAR, _places(far), lambda _: _SIZE)
    yield from chunk.findings(Level.FLAW, BOX_OUT, _places(out & ~far))


def _area_findings(chunk: _Chunk, *, wanted: bool) -> Iterator[Finding]:
    if wanted:
        absent = _places(np.isnan(chunk.areas))
        yield from chunk.findings(Level.ERROR, NO_AREA, absent)
        yield from chunk.findings(Level.ERROR, NEGATIVE_AREA, _places(chunk.areas < 0))
        yield from chunk.findings(Level.ERROR, NO_RANGE, _places(chunk.areas > _MOST_AREA))


def _numbers(values: list[Any]) -> Floats:
    """The values as floats; NaN for what is no finite number."""
    if not set(map(type, values)) <= {int, float}:
        values = [value if type(value) in (int, float) else np.nan for value in values]
    found = np.array(values, dtype=np.float64)
    found[~np.isfinite(found)] = np.nan
    return found


def _places(flags: Flags) -> list[int]:
    found: list[int] = np.flatnonzero(flags).tolist()
    return found


def _mask_findings(chunk: _Chunk, *, wanted: bool) -> Iterator[Finding]:
    masks = [entry.get("segmentation") for entry in chunk.entries]
    kinds = list(map(type, masks))
    given = _flags(masks)
    if wanted:
        yield from chunk.findings(Level.ERROR, NO_MASK, _places(~given))
    large = chunk.heights * chunk.widths > MOST_PIXELS
    yield from chunk.findings(Level.ERROR, TOO_LARGE, _places(given & large))
    given &= ~large
    polygons = _flags(kind is list for kind in kinds)
    rle = _flags(kind is dict for kind in kinds)
    yield from chunk.findings(Level.ERROR, MALFORMED, _places(given & ~polygons & ~rle))
    for find, which in ((_polygon_findings, given & polygons), (_rle_findings, given & rle)):
        places = np.flatnonzero(which)
        if len(places):
            extents = yield from find(chunk, places)
            yield from _fit_findings(chunk, extents)


def _polygon_findings(chunk: _Chunk, places: Places) -> Generator[Finding, None, _Extents]:
    """Faults of polygons; returns the extents of those that have none."""
    masks = [chunk.entries[place]["segmentation"] for place in places.tolist()]
    vertices = _vertices(masks)
    if vertices is None:  # some are malformed: which?
        whole = _flags(all(map(is_polygon, mask)) for mask in masks)
        yield from chunk.findings(Level.ERROR, MALFORMED, places[~whole].tolist())
        places = places[whole]
        masks = [mask for mask, fits in zip(masks, whole, strict=True) if fits]
        vertices = _vertices(masks)
    if not masks or vertices is None:
        return _Extents(np.zeros(0, dtype=np.int64), np.zeros((0, 4)), np.zeros(0))
    extents = _polygon_extents(masks, vertices, places)
    left, top, right, bottom = extents.bounds.T
    heights, widths = chunk.heights[places], chunk.widths[places]
    most = FARTHEST * np.maximum(heights, widths)
    far = (np.minimum(left, top) < -most) | (np.maximum(right, bottom) > most)
    out = (np.minimum(left, top) < -_MARGIN) | (right > widths + _MARGIN)
    out |= bottom > heights + _MARGIN
    yield from chunk.findings(Level.ERROR, FAR, places[far].tolist(), lambda _: _SIZE)
    yield from chunk.findings(Level.FLAW, POLYGON_OUT, places[out & ~far].tolist())
    beside = (right <= 0) | (bottom <= 0) | (left >= widths) | (top >= heights)
    # Whether a sliver has a pixel only drawing tells.
    thin = np.minimum(right - left, bottom - top) < _SLIVER
    slim = _places(~far & ~beside & (thin | (extents.areas < _SLIVER)))
    empty = ~far & beside
    empty[[n for n in slim if not _pixels(chunk, int(places[n]))]] = True
    yield from chunk.findings(Level.WARNING, NO_PIXEL, places[empty].tolist())
    sound = ~far & ~empty
    return _Extents(places[sound], extents.bounds[sound], extents.areas[sound])


def _pixels(chunk: _Chunk, place: int) -> int:
    height, width = int(chunk.heights[place]), int(chunk.widths[place])
    return int(coco_mask.area(run_lengths(chunk.entries[place], height, width)))


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


def _polygon_extents(masks: Sequence[list[Any]], vertices: _Vertices, places: Places) -> _Extents:
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
    return _Extents(places, np.stack([*low, *high], axis=1), np.add.reduceat(areas, first))


def _rle_findings(chunk: _Chunk, places: Places) -> Generator[Finding, None, _Extents]:
    """Faults of run lengths; returns the extents of those that have none and a pixel."""
    faults: dict[str, dict[int, str]] = defaultdict(dict)
    sound: list[int] = []
    encoded: list[dict[str, Any]] = []
    compressed = [
        place
        for place in places.tolist()
        if isinstance(chunk.entries[place]["segmentation"].get("counts"), str)
    ]
    counts = [chunk.entries[place]["segmentation"]["counts"] for place in compressed]
    covered = dict(zip(compressed, pixels_described(counts).tolist(), strict=True))
    for place in places.tolist():
        mask = chunk.entries[place]["segmentation"]
        size = [int(chunk.heights[place]), int(chunk.widths[place])]
        fault = _rle_fault(mask, size, covered.get(place))
        if fault is not None:
            kind, detail = fault
            faults[kind][place] = detail
            continue
        sound.append(place)
        plain = isinstance(mask["counts"], list)
        encoded.append(coco_mask.frPyObjects(mask, *size) if plain else mask)
    for kind, details in faults.items():
        yield from chunk.findings(Level.ERROR, kind, details, details.__getitem__)
    if not sound:
        return _Extents(np.zeros(0, dtype=np.int64), np.zeros((0, 4)), np.zeros(0))
    bounds = np.asarray(coco_mask.toBbox(encoded), dtype=np.float64)
    bounds[:, 2:] += bounds[:, :2]
    found = np.array(sound, dtype=np.int64)
    # One by one: pycocotools counts the masks of a list in eight bits.
    areas = np.array([coco_mask.area(mask) for mask in encoded], dtype=np.float64)
    yield from chunk.findings(Level.WARNING, NO_PIXEL, found[areas == 0].tolist())
    return _Extents(found[areas > 0], bounds[areas > 0], areas[areas > 0])


def _rle_fault(
    mask: dict[str, Any], size: list[int], covered: int | None
) -> tuple[str, str] | None:
    """The kind of what is wrong with run lengths, and its detail."""
    stated, counts = mask.get("size"), mask.get("counts")
    if not isinstance(counts, str | list) or not isinstance(stated, list):
        return MALFORMED, "wanted RLE with size and counts"
    if stated != size or set(map(type, stated)) != {int}:
        turned = " (width, height in place of height, width?)" if stated == size[::-1] else ""
        return OTHER_SIZE, f"{repr(stated)[:40]}{turned}, the image is {size} (height, width)"
    if isinstance(counts, list):
        if not set(map(type, counts)) <= {int}:
            return MALFORMED, "its counts are not all integers"
        covered = sum(counts) if counts and min(counts) >= 0 else -1
    if covered != size[0] * size[1]:
        pixels = "damaged counts" if covered == -1 else f"{covered} pixels"
        return NOT_FILLED, f"{pixels}, the image has {size[0] * size[1]}"
    return None


def _fit_findings(chunk: _Chunk, extents: _Extents) -> Iterator[Finding]:
    """Boxes and areas that are not those of their masks; crowds' are nobody's business."""
    places, bounds, pixels = extents
    boxes = chunk.boxes[places]
    corners = np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)
    off = np.abs(corners - bounds).max(axis=1, initial=0) > _NEAR
    misfit = off & (_overlap(corners, bounds) < _LEAST_FIT)

    def row(place: int) -> int:
        return int(np.searchsorted(places, place))

    def box(place: int) -> str:
        own, masks = boxes[row(place)], bounds[row(place)]
        return f"{own.tolist()}, its mask's is {_box_of(masks)}{_hint(own, masks)}"

    yield from chunk.findings(Level.WARNING, BOX_MISFIT, places[misfit].tolist(), box, _BOXES)
    areas = chunk.areas[places]
    ratio = np.maximum(areas / pixels, pixels / areas)  # below 0 for areas that are
    misfit = (ratio > _MOST_RATIO) & (np.abs(areas - pixels) > _FEW_PIXELS)
    odd = [place for place in places[misfit].tolist() if not chunk.entries[place].get("iscrowd")]

    def area(place: int) -> str:
        return f"{areas[row(place)]:g}, its mask's is {pixels[row(place)]:g}"

    yield from chunk.findings(Level.WARNING, AREA_MISFIT, odd, area, _AREAS)


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
