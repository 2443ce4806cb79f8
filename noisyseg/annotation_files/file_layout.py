"""Where the entries of a COCO file stand in its bytes, and the few numbers that say which is whose.

Parsed into objects, COCO's training file takes gigabytes, nearly all for polygons. Here a typed
decoder passes them by, and remembers where they are. I images, N annotations.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from operator import attrgetter
from typing import Any

import msgspec
import numpy as np
import orjson
from numpy.typing import NDArray

from noisyseg.annotation_files.document import collector_paused
from noisyseg.annotation_files.mapped_file import Content

Numbers = NDArray[np.int64]


class _Document(msgspec.Struct, gc=False):
    images: list[msgspec.Raw]
    categories: list[dict[str, Any]]
    annotations: list[msgspec.Raw] = []


class _Image(msgspec.Struct, gc=False):
    id: int
    width: int
    height: int


class _Named(_Image, gc=False):
    file_name: str


class _Category(msgspec.Struct, gc=False):
    id: int
    name: str


class _Categories(msgspec.Struct, gc=False):
    categories: list[_Category]


# Raw: there it must be, as for mmdet; what it is the checks have seen.
class _Annotation(msgspec.Struct, gc=False):
    id: int
    image_id: int
    category_id: int
    bbox: msgspec.Raw
    area: msgspec.Raw


_SHORT = 1 << 20  # bytes of a file's end in which its categories may be all that there is
_CATEGORIES = msgspec.json.Decoder(_Categories)
_DOCUMENT = msgspec.json.Decoder(_Document)
_IMAGE, _NAMED, _ANNOTATION = map(msgspec.json.Decoder, (_Image, _Named, _Annotation))
_UNUSUAL = (msgspec.MsgspecError, UnicodeDecodeError, OverflowError, RecursionError)


@dataclass(kw_only=True, slots=True, frozen=True)
class FileLayout:
    """The entries of a file, in its order.

    Attributes:
        categories: as in the file.
        images: id, width, height, and the bytes [start, end) of each, shape (I, 5).
        annotations: id, image id, category id, and the bytes [start, end) of each, shape (N, 5).
    """

    categories: list[dict[str, Any]]
    images: Numbers
    annotations: Numbers


def layout_of(data: Content, *, named: bool = False) -> FileLayout | None:
    """The layout of a COCO file; None for anything unusual in it.

    Unusual is a field of another type than usual, an id twice, and ids beyond 64 bits.

    Args:
        data: the file.
        named: whether an image without a file name is unusual.
    """
    try:
        with collector_paused():
            document = _DOCUMENT.decode(data)
            image = _NAMED if named else _IMAGE
            images = _rows(data, document.images, image, ("id", "width", "height"))
            annotations = _rows(
                data, document.annotations, _ANNOTATION, ("id", "image_id", "category_id")
            )
    except _UNUSUAL:
        return None
    if not all(len(np.unique(table[:, 0])) == len(table) for table in (images, annotations)):
        return None
    return FileLayout(categories=document.categories, images=images, annotations=annotations)


def annotation_spans(data: Content) -> Numbers | None:
    """The bytes [start, end) of every annotation of a COCO file, shape (N, 2).

    Returns:
        None for anything unusual that shows without reading the annotations.
    """
    try:
        with collector_paused():
            return _spans(data, _DOCUMENT.decode(data).annotations)
    except _UNUSUAL:
        return None


def without_annotations(data: Content, spans: Numbers) -> dict[str, Any]:
    """A COCO file's document with an empty list of annotations.

    Args:
        data: the file.
        spans: of its annotations, at least one.

    Raises:
        orjson.JSONDecodeError: it is none without them, either.
    """
    document: dict[str, Any] = orjson.loads(data[: int(spans[0, 0])] + data[int(spans[-1, 1]) :])
    return document


def category_names(data: Content) -> list[str] | None:
    """The names of a COCO file's categories, in its order; None for anything unusual in them.

    Where they end a file, it is read from there: whatever comes before, the last brace of JSON
    closes the outermost object. In a text the quotes of the key would have a backslash.
    """
    place = data.rfind(b'"categories"')
    end = bytes(data[place:]) if 0 <= len(data) - place < _SHORT else b""
    try:
        return [entry.name for entry in _CATEGORIES.decode(b"{" + end).categories]
    except _UNUSUAL:
        pass
    try:
        return [entry.name for entry in _CATEGORIES.decode(data).categories]
    except _UNUSUAL:
        return None


def _rows(
    data: Content,
    entries: Sequence[msgspec.Raw],
    decoder: "msgspec.json.Decoder[Any]",
    keys: tuple[str, ...],
) -> Numbers:
    """The numbers under the keys, start and end of every entry, shape (N, number of keys + 2)."""
    found = np.empty((len(entries), len(keys) + 2), dtype=np.int64)
    numbers = chain.from_iterable(map(attrgetter(*keys), map(decoder.decode, entries)))
    count = len(entries) * len(keys)
    found[:, :-2] = np.fromiter(numbers, np.int64, count).reshape(-1, len(keys))
    found[:, -2:] = _spans(data, entries)
    return found


def _spans(data: Content, entries: Sequence[msgspec.Raw]) -> Numbers:
    """The bytes [start, end) of each object in a list, shape (N, 2)."""
    found = np.zeros((len(entries), 2), dtype=np.int64)
    if entries:
        # Raw entries are views on the file's bytes, so that where they stand is a difference.
        first, last = (_address(entries[place]) - _address(data) for place in (0, -1))
        sizes = np.fromiter(map(_size, entries), np.int64, len(entries))
        found[:, 0] = np.fromiter(_starts(data, first, sizes.tolist()), np.int64, len(entries))
        found[:, 1] = found[:, 0] + sizes
        if found[-1, 0] != last:
            raise msgspec.ValidationError("an entry is no object")
    return found


def _starts(data: Content, start: int, sizes: Sequence[int]) -> Iterator[int]:
    """Where objects begin: each at the first brace behind the one before it."""
    for size in sizes:
        start = data.find(b"{", start)
        yield start
        start += size


def _size(entry: msgspec.Raw) -> int:
    return memoryview(entry).nbytes


def _address(data: Any) -> int:
    address: int = np.frombuffer(data, np.uint8).__array_interface__["data"][0]
    return address
