"""Masks that are run lengths: their faults and what they cover."""

from collections import defaultdict
from collections.abc import Generator
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

from noisyseg.annotation_files.columns import Columns, Places
from noisyseg.annotation_files.findings import Finding, Level
from noisyseg.annotation_files.shape_kinds import (
    MALFORMED,
    NO_PIXEL,
    NOT_FILLED,
    OTHER_SIZE,
    Extents,
    findings_of,
)
from noisyseg.run_length import pixels_described


def rle_findings(columns: Columns, places: Places) -> Generator[Finding, None, Extents]:
    """Faults of run lengths; returns the extents of those that have none and a pixel."""
    faults: dict[str, dict[int, str]] = defaultdict(dict)
    sound: list[int] = []
    encoded: list[dict[str, Any]] = []
    compressed = [
        place
        for place in places.tolist()
        if isinstance(columns.annotations[place]["segmentation"].get("counts"), str)
    ]
    counts = [columns.annotations[place]["segmentation"]["counts"] for place in compressed]
    covered = dict(zip(compressed, pixels_described(counts).tolist(), strict=True))
    for place in places.tolist():
        mask = columns.annotations[place]["segmentation"]
        size = [int(columns.heights[place]), int(columns.widths[place])]
        fault = _rle_fault(mask, size, covered.get(place))
        if fault is not None:
            kind, detail = fault
            faults[kind][place] = detail
            continue
        sound.append(place)
        plain = isinstance(mask["counts"], list)
        encoded.append(coco_mask.frPyObjects(mask, *size) if plain else mask)
    for kind, details in faults.items():
        yield from findings_of(columns, Level.ERROR, kind, details, details.__getitem__)
    if not sound:
        return Extents.none()
    bounds = np.asarray(coco_mask.toBbox(encoded), dtype=np.float64)
    bounds[:, 2:] += bounds[:, :2]
    found = np.array(sound, dtype=np.int64)
    # One by one: pycocotools counts the masks of a list in eight bits.
    areas = np.array([coco_mask.area(mask) for mask in encoded], dtype=np.float64)
    yield from findings_of(columns, Level.WARNING, NO_PIXEL, found[areas == 0].tolist())
    return Extents(found[areas > 0], bounds[areas > 0], areas[areas > 0])


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
