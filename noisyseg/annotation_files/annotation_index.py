"""The index of a COCO file: where each image's annotations stand, read when it is asked for.

It is written once beside the file (`NAME.json.index`), and mapped by all runs of a node:

    8 bytes  the length of the header
    header   JSON: version, SHA-256 of the file and of the tables, categories, I and N
    tables   images (I, 7), annotations (N, 3), 64-bit integers

It is used if both checksums are right. I images, N annotations, sorted by their images.
"""

import hashlib
import mmap
import os
import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from noisyseg.annotation_files.file_layout import FileLayout, Numbers, layout_of
from noisyseg.annotation_files.mapped_file import map_file
from noisyseg.files import canonical_json, write_blocks_atomically

VERSION = 1
_WIDTH, _HEIGHT, _FIRST, _COUNT = 1, 2, 5, 6
_IMAGE_COLUMNS, _ANNOTATION_COLUMNS = 7, 3
_WORD = 8


@dataclass(kw_only=True, slots=True, frozen=True)
class AnnotationIndex:
    """A file's index.

    Attributes:
        categories: as in the file.
        images: id, width, height, start and end of the image's bytes, place of its first
            annotation and their number; in the file's order, shape (I, 7).
        annotations: category id, start and end of each annotation's bytes; those of an image in
            the file's order, shape (N, 3).
    """

    categories: list[dict[str, Any]]
    images: Numbers
    annotations: Numbers

    @property
    def sides(self) -> Numbers:
        """The shorter side of each image in pixels, shape (I,)."""
        sides: Numbers = self.images[:, _WIDTH : _HEIGHT + 1].min(axis=1)
        return sides

    def with_category(self, category_ids: list[int]) -> "np.ndarray[Any, np.dtype[np.bool_]]":
        """Whether an image has an annotation of one of the categories, shape (I,)."""
        chosen = np.isin(self.annotations[:, 0], category_ids)
        before = np.concatenate([[0], np.cumsum(chosen)])
        first, count = self.images[:, _FIRST], self.images[:, _COUNT]
        found: np.ndarray[Any, np.dtype[np.bool_]] = before[first + count] > before[first]
        return found

    def spans(self, place: int) -> tuple[tuple[int, int], list[tuple[int, int]]]:
        """Bytes [start, end) of the image at a place, and of its annotations."""
        _, _, _, start, end, first, count = self.images[place].tolist()
        rows = self.annotations[first : first + count, 1:].tolist()
        return (start, end), [(begin, stop) for begin, stop in rows]


def index_path(annotations: Path) -> Path:
    """Where a file's index lies."""
    return annotations.with_name(f"{annotations.name}.index")


def index_of(annotations: Path) -> AnnotationIndex | None:
    """A file's index, as it is written beside it or else made; None for a file with oddities.

    Raises:
        InputError: the file cannot be read.
    """
    data = map_file(annotations)
    return _read(index_path(annotations), hashlib.sha256(data).hexdigest()) or _made(data)


def write_index(annotations: Path) -> None:
    """Write a file's index beside it, unless it is there, or the file is none for an index.

    Raises:
        InputError: the file cannot be read, its folder not be written to.
    """
    path, data = index_path(annotations), map_file(annotations)
    sha256 = hashlib.sha256(data).hexdigest()
    if _read(path, sha256) is not None:
        return
    index = _made(data)
    if index is not None:
        write_blocks_atomically(path, _blocks(index, sha256))


def _made(data: bytes | mmap.mmap) -> AnnotationIndex | None:
    layout = layout_of(data, named=True)
    return None if layout is None else _grouped(layout)


def _grouped(layout: FileLayout) -> AnnotationIndex:
    """The layout with annotations sorted by their images; those of no image are left out."""
    numbers = layout.images[:, 0]
    order = np.argsort(numbers)
    owners = layout.annotations[:, 1]
    place = order[np.searchsorted(numbers, owners, sorter=order) % max(len(order), 1)]
    known = numbers[place] == owners if len(numbers) else np.zeros(len(owners), dtype=np.bool_)
    place, rows = place[known], layout.annotations[known, 2:]
    by_image = np.argsort(place, kind="stable")
    counts = np.bincount(place, minlength=len(numbers))
    firsts = np.cumsum(counts) - counts
    return AnnotationIndex(
        categories=layout.categories,
        images=np.column_stack([layout.images, firsts, counts]),
        annotations=np.ascontiguousarray(rows[by_image]),
    )


def _blocks(index: AnnotationIndex, sha256: str) -> tuple[bytes, ...]:
    tables = index.images.tobytes(), index.annotations.tobytes()
    header = canonical_json(
        {
            "version": VERSION,
            "file_sha256": sha256,
            "tables_sha256": hashlib.sha256(b"".join(tables)).hexdigest(),
            "categories": index.categories,
            "rows": [len(index.images), len(index.annotations)],
        }
    )
    header += b" " * (-len(header) % _WORD)  # so that numbers stand at multiples of their size
    return (len(header).to_bytes(_WORD, "little"), header, *tables)


def _read(path: Path, sha256: str) -> AnnotationIndex | None:
    """The index at path; None if there is none, it is damaged, or of another file."""
    try:
        with path.open("rb") as file:
            content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        begin = _WORD + int.from_bytes(content[:_WORD], "little")
        header = orjson.loads(content[_WORD:begin])
        if _is_of(header, sha256, memoryview(content)[begin:]):
            return _mapped(header, content, begin)
    except (OSError, ValueError, TypeError, KeyError):
        pass
    return None


def _is_of(header: Mapping[str, Any], sha256: str, tables: memoryview) -> bool:
    wanted = VERSION, sha256, hashlib.sha256(tables).hexdigest()
    return (header["version"], header["file_sha256"], header["tables_sha256"]) == wanted


def _mapped(header: Mapping[str, Any], content: mmap.mmap, begin: int) -> AnnotationIndex:
    images, annotations = header["rows"]
    cells = np.frombuffer(content, np.dtype("<i8"), offset=begin)
    return AnnotationIndex(
        categories=header["categories"],
        images=cells[: images * _IMAGE_COLUMNS].reshape(images, _IMAGE_COLUMNS),
        annotations=cells[images * _IMAGE_COLUMNS :].reshape(annotations, _ANNOTATION_COLUMNS),
    )


class IndexedFile:
    """The entries of a COCO file, read by an index when they are asked for.

    It travels to other processes as a path, and holds the file open, so that a file put in its
    place meanwhile changes nothing.
    """

    def __init__(self, path: Path, index: AnnotationIndex, places: Numbers) -> None:
        """Take the images at some places of an index alone."""
        self.path, self.index, self.places = path, index, places
        self._file = os.open(path, os.O_RDONLY)
        weakref.finalize(self, os.close, self._file)

    def __len__(self) -> int:
        return len(self.places)

    def entries(self, number: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """The image of a number from 0, and its annotations, as in the file."""
        image, annotations = self.index.spans(int(self.places[number]))
        return self._entry(*image), [self._entry(*span) for span in annotations]

    def _entry(self, start: int, end: int) -> dict[str, Any]:
        found: dict[str, Any] = orjson.loads(os.pread(self._file, end - start, start))
        return found

    def __reduce__(self) -> tuple[Any, ...]:
        return _opened_again, (self.path, self.places)


def _opened_again(path: Path, places: Numbers) -> IndexedFile:
    index = index_of(path)
    if index is None:
        raise RuntimeError(f"{path} has changed since it was opened.")
    return IndexedFile(path, index, places)
