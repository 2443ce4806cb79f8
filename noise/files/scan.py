"""The columns that class noise needs, decoded from a file's bytes without the rest of it.

Parsing COCO's training file into objects takes gigabytes, nearly all for polygons. Here a typed
decoder skips every field but ids, categories and crowd flags, and still checks all of the JSON.
"""

import codecs
from collections.abc import Sequence
from operator import attrgetter
from typing import Any

import msgspec
import numpy as np

from noisyseg.annotation_files.mapped_file import Content
from noisyseg.noise.categories import Categories
from noisyseg.noise.table import AnnotationTable
from noisyseg.noise.transition import Floats, Indices

_BLOCK = 1 << 20


class _Image(msgspec.Struct, gc=False):
    id: int


class _Annotation(msgspec.Struct, gc=False):
    id: int
    image_id: int
    category_id: int
    iscrowd: int | float | bool = 0


class _Category(msgspec.Struct, gc=False):
    id: int
    name: str
    supercategory: str | None = None


class _Document(msgspec.Struct, gc=False):
    images: list[_Image]
    annotations: list[_Annotation]
    categories: list[_Category]


_DECODER = msgspec.json.Decoder(_Document)


def scan_annotations(data: Content) -> AnnotationTable | None:
    """The annotations in the bytes of a COCO file; None for anything unusual in it.

    Unusual is whatever `parse_annotations` refuses of the fields that are read here (it then says
    what is wrong), and a few things that it accepts, such as ids beyond 64 bits. Fields that class
    noise does not need are not looked at, so a file without boxes will do.
    """
    try:
        document = _DECODER.decode(data)
        numbers, images, category_ids, crowds = _columns(document.annotations)
        known_images = _column(document.images, "id")
        known_categories = _column(document.categories, "id")
    except (msgspec.MsgspecError, UnicodeDecodeError, OverflowError, RecursionError):
        return None
    categories = Categories(
        ids=tuple(entry.id for entry in document.categories),
        names=tuple(entry.name for entry in document.categories),
        supercategories=tuple(entry.supercategory or None for entry in document.categories),
    )
    usual = (
        all(map(_all_differ, (numbers, known_images, known_categories)))
        and len(set(categories.names)) == len(categories.names)
        and all(categories.names)
        and np.isin(images, known_images).all()
        and np.isin(category_ids, known_categories).all()
        and np.isin(crowds, (0, 1)).all()
        and _is_utf8(data)
    )
    if not usual:
        return None
    order = np.argsort(known_categories)
    classes = order[np.searchsorted(known_categories, category_ids, sorter=order)]
    return AnnotationTable(
        categories=categories,
        numbers=numbers,
        classes=classes.astype(np.int64),
        crowds=crowds.astype(np.bool_),
    )


def _columns(entries: Sequence[_Annotation]) -> tuple[Indices, Indices, Indices, Floats]:
    id_, image, category = (_column(entries, key) for key in ("id", "image_id", "category_id"))
    crowds = map(attrgetter("iscrowd"), entries)
    # Not of integers, which 0.5 would be cut to.
    return id_, image, category, np.fromiter(crowds, np.float64, len(entries))


def _column(entries: Sequence[Any], key: str) -> Indices:
    return np.fromiter(map(attrgetter(key), entries), np.int64, len(entries))


def _all_differ(values: Indices) -> bool:
    ordered = np.sort(values)
    return not (ordered[1:] == ordered[:-1]).any()


def _is_utf8(data: Content) -> bool:
    # The decoder does not look into the texts that it skips.
    array = np.frombuffer(data, dtype=np.uint8)
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for begin in range(0, len(data), _BLOCK):
            block = array[begin : begin + _BLOCK]
            if block.max() >= 128 or decoder.getstate()[0]:
                decoder.decode(block.tobytes())
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True
