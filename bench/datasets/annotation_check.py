"""Everything that is wrong with a COCO-format file, not only what is found first."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from noisyseg.bench.datasets.check_report import EXPORT, Fault
from noisyseg.errors import InputError
from noisyseg.mask_overlap import run_lengths
from noisyseg.noise.annotations import entry_fault, parse_annotations

_MARGIN = 1.0  # pixels that rounding may put outside of an image
_SECTIONS = ("images", "annotations", "categories")
_UNIQUE = (("images", "id"), ("annotations", "id"), ("categories", "id"), ("categories", "name"))

Document = dict[str, list[dict[str, Any]]]


def usable_part(data: bytes, path: Path) -> tuple[Document, list[Fault]]:
    """The entries of a COCO file that can be looked at further, and what is wrong with others.

    Args:
        data: the file's bytes.
        path: named in faults.
    """
    try:
        raw = orjson.loads(data)
        whole = isinstance(raw, dict) and all(isinstance(raw.get(key), list) for key in _SECTIONS)
    except orjson.JSONDecodeError:
        whole = False
    if not whole:
        return {section: [] for section in _SECTIONS}, [_unusable(data, path)]
    usable: Document = {section: [] for section in _SECTIONS}
    faults = []
    for section in _SECTIONS:
        for position, entry in enumerate(raw[section]):
            problem = entry_fault(section, entry)
            if problem is None:
                usable[section].append(entry)
            else:
                where = f"{path}: {section}[{position}] {problem}"
                faults.append(Fault(kind=f"unusable {section}", where=where, mend=EXPORT))
    return usable, faults


def _unusable(data: bytes, path: Path) -> Fault:
    """Why a file is no COCO file at all, in the words that training would have for it."""
    try:
        parse_annotations(data, str(path))
    except InputError as error:
        return Fault(kind="an annotation file cannot be used", where=str(error), mend=EXPORT)
    raise AssertionError(path)


def annotation_faults(document: Document, path: Path) -> Iterator[Fault]:
    """What is wrong with entries that are well-formed by themselves.

    Args:
        document: of `usable_part`.
        path: named in faults.
    """
    for kind, where in _faults(document):
        yield Fault(kind=kind, where=f"{path}: {where}", mend=EXPORT)


def _faults(document: Document) -> Iterator[tuple[str, str]]:
    for section, key in _UNIQUE:
        for value, number in Counter(entry[key] for entry in document[section]).items():
            if number > 1:
                yield f"several {section} have the same {key}", f"{value!r}, {number} times"
    for image in document["images"]:
        if not stays_inside(image["file_name"]):
            yield "a file name leaves the images' folder", repr(image["file_name"])
    sizes = {image["id"]: (image["width"], image["height"]) for image in document["images"]}
    categories = {category["id"] for category in document["categories"]}
    for annotation in document["annotations"]:
        where = f"annotation {annotation['id']}"
        if annotation["category_id"] not in categories:
            yield (
                "an annotation's category is not in the file",
                f"{where}, category_id {annotation['category_id']}",
            )
        if annotation["image_id"] not in sizes:
            yield (
                "an annotation's image is not in the file",
                f"{where}, image_id {annotation['image_id']}",
            )
            continue
        for kind in _geometry_faults(annotation, *sizes[annotation["image_id"]]):
            yield kind, f"{where} of image {annotation['image_id']}"


def stays_inside(name: str) -> bool:
    """Whether an image's file name leads to a place in the images' folder."""
    return not Path(name).is_absolute() and ".." not in Path(name).parts


def _geometry_faults(annotation: Mapping[str, Any], width: int, height: int) -> Iterator[str]:
    x, y, across, down = annotation["bbox"]
    if across <= 0 or down <= 0:
        yield "a box has no area"
    if _outside(x, x + across, width) or _outside(y, y + down, height):
        yield "a box reaches out of its image"
    mask = annotation.get("segmentation")
    if not mask:
        yield "an annotation has no mask"
    elif isinstance(mask, dict):
        if mask.get("size") != [height, width]:
            yield "a mask is not of its image's size"
        elif not _decodes(annotation, height, width):
            yield "a mask's run lengths do not fill its image"
    elif not isinstance(mask, list) or not all(_is_polygon(points) for points in mask):
        yield "a mask is neither polygons of at least 3 points nor RLE"
    elif any(_polygon_outside(points, width, height) for points in mask):
        yield "a polygon reaches out of its image"


def _decodes(annotation: Mapping[str, Any], height: int, width: int) -> bool:
    try:
        run_lengths(annotation, height, width)
    except InputError:
        return False
    return True


def _is_polygon(points: Any) -> bool:
    return (
        isinstance(points, list)
        and len(points) >= 6
        and len(points) % 2 == 0
        and all(type(value) in (int, float) and math.isfinite(value) for value in points)
    )


def _polygon_outside(points: Sequence[float], width: int, height: int) -> bool:
    across, down = points[0::2], points[1::2]
    return _outside(min(across), max(across), width) or _outside(min(down), max(down), height)


def _outside(least: float, most: float, side: int) -> bool:
    return least < -_MARGIN or most > side + _MARGIN
