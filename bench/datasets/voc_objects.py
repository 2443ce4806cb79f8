"""VOC's XML annotations: the objects of an image with their boxes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from noisyseg.bench.datasets.raw_files import xml_root
from noisyseg.errors import InputError

VOC_CLASSES = (
    *("aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow"),
    *("diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa"),
    *("train", "tvmonitor"),
)

Box = tuple[int, int, int, int]
"""x and y of the first pixel, width, height."""


@dataclass(kw_only=True, slots=True, frozen=True)
class VocObject:
    """An object as its XML file says.

    Attributes:
        box: pixels from 0, as COCO counts them.
        difficult: hard to recognise: left out of VOC's evaluation.
    """

    name: str
    box: Box
    difficult: bool


def read_objects(path: Path, size: tuple[int, int]) -> tuple[list[VocObject], list[str]]:
    """The objects in an XML file, in its order, and remarks on the file.

    VOC counts pixels from 1 and a box includes its last row and column.

    Args:
        path: of Annotations/.
        size: width and height of the image.
    Raises:
        InputError: a damaged file, no object, an unknown class, a box outside the image.
    """
    root = xml_root(path)
    objects = [_object(entry, path, size) for entry in root.findall("object")]
    if not objects:
        raise InputError(f"{path} holds no object; every image of VOC's lists has one.")
    stated = [root.findtext(f"size/{side}", "").strip() for side in ("width", "height")]
    is_other = all(stated) and stated != [str(side) for side in size]
    return objects, ["an XML file states another size than its image has"] * is_other


def box_overlap(one: Box, other: Box) -> float:
    """Intersection over union of two boxes, in pixels."""
    width = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    height = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    return shared / (one[2] * one[3] + other[2] * other[3] - shared)


def best_object(box: Box, objects: Sequence[VocObject]) -> VocObject | None:
    """The object whose box overlaps most; None where none does."""
    overlaps = [box_overlap(box, entry.box) for entry in objects]
    best = max(range(len(objects)), key=overlaps.__getitem__, default=None)
    return objects[best] if best is not None and overlaps[best] > 0 else None


def _object(entry: ElementTree.Element, path: Path, size: tuple[int, int]) -> VocObject:
    name = _text(entry, "name", path)
    if name not in VOC_CLASSES:
        raise InputError(f"{path}: {name!r} is none of VOC's 20 classes.")
    difficult = (entry.findtext("difficult") or "0").strip()
    if difficult not in ("0", "1"):
        raise InputError(f"{path}: wanted 0 or 1 in difficult, got {difficult!r}.")
    return VocObject(name=name, box=_box(entry, path, size), difficult=difficult == "1")


def _box(entry: ElementTree.Element, path: Path, size: tuple[int, int]) -> Box:
    sides = [
        _pixel(_text(entry, f"bndbox/{side}", path), path)
        for side in ("xmin", "ymin", "xmax", "ymax")
    ]
    left, top = max(0, sides[0] - 1), max(0, sides[1] - 1)
    right, bottom = min(size[0], sides[2]), min(size[1], sides[3])
    if right <= left or bottom <= top:
        raise InputError(
            f"{path}: the box {sides} has no pixel in the image of {size[0]} × {size[1]}."
        )
    return left, top, right - left, bottom - top


def _pixel(text: str, path: Path) -> int:
    """A coordinate; some of VOC's have a fraction."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError(f"{path}: wanted a number of pixels in bndbox, got {text!r}.")
    return math.floor(value + 0.5)


def _text(entry: ElementTree.Element, name: str, path: Path) -> str:
    found = entry.findtext(name)
    if found is None or not found.strip():
        raise InputError(f"{path}: an object has no {name}.")
    return found.strip()
