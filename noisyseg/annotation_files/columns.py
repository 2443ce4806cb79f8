"""The annotations of a COCO file as columns: what is asked of all of them is asked of arrays.

A COCO-sized file has 860,000 annotations and 46 million coordinates. N annotations.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Annotation = dict[str, Any]
Image = dict[str, Any]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Places = NDArray[np.int64]

_ARRAYS = (
    *("image_of", "class_of", "boxes", "areas", "crowds", "ignored"),
    *("widths", "heights"),
)
_MOST_SIDE = 2**31  # a longer one is too long for a mask, whatever it is


@dataclass(kw_only=True, slots=True, frozen=True)
class Columns:
    """Annotations, in the file's order, and their images.

    Attributes:
        annotations: N of them.
        images: of the file.
        categories: of the file.
        image_of: the place of each annotation's image in `images`, shape (N,).
        class_of: the place of each annotation's category in `categories`, -1 for none, shape (N,).
        boxes: x, y, width, height in pixels, shape (N, 4).
        areas: NaN where there is none, shape (N,).
        crowds, ignored: shape (N,).
        widths, heights: of each annotation's image, in pixels, shape (N,).
    """

    annotations: Sequence[Annotation]
    images: Sequence[Image]
    categories: Sequence[dict[str, Any]]
    image_of: Places
    class_of: Places
    boxes: Floats
    areas: Floats
    crowds: Flags
    ignored: Flags
    widths: Places
    heights: Places

    def image(self, place: int) -> Image:
        """The image of the annotation at a place."""
        return self.images[int(self.image_of[place])]

    def part(self, start: int, end: int) -> "Columns":
        """The annotations from one place up to another."""
        arrays = {name: getattr(self, name)[start:end] for name in _ARRAYS}
        return Columns(
            annotations=self.annotations[start:end],
            images=self.images,
            categories=self.categories,
            **arrays,
        )


class ImageTable(NamedTuple):
    """A file's images: themselves, the place of each by its id, widths and heights, shape (I,)."""

    images: Sequence[Image]
    place_of: dict[int, int]
    widths: Places
    heights: Places

    @classmethod
    def of(cls, images: Sequence[Image]) -> "ImageTable":
        """The table of images that are well-formed by themselves."""
        return cls(
            images,
            {image["id"]: place for place, image in enumerate(images)},
            _integers([min(image["width"], _MOST_SIDE) for image in images]),
            _integers([min(image["height"], _MOST_SIDE) for image in images]),
        )


def columns_of(document: dict[str, Any]) -> Columns:
    """The columns of a document whose entries are well-formed by themselves (see `document`).

    Annotations whose image is not in the file are left out: that is for others to tell.
    """
    table = ImageTable.of(document["images"])
    return columns_in(document["annotations"], table, document.get("categories", []))


def columns_in(
    annotations: Sequence[Annotation], table: ImageTable, categories: Sequence[dict[str, Any]]
) -> Columns:
    """The columns of some annotations of a document; see `columns_of`."""
    place_of = table.place_of
    entries = [entry for entry in annotations if entry["image_id"] in place_of]
    image_of = _integers([place_of[entry["image_id"]] for entry in entries])
    class_of = {entry["id"]: place for place, entry in enumerate(categories)}
    boxes = chain.from_iterable([entry["bbox"] for entry in entries])
    return Columns(
        annotations=entries,
        images=table.images,
        categories=categories,
        image_of=image_of,
        class_of=_integers([class_of.get(entry["category_id"], -1) for entry in entries]),
        boxes=np.fromiter(boxes, np.float64, 4 * len(entries)).reshape(-1, 4),
        areas=_numbers([entry.get("area") for entry in entries]),
        crowds=flags(entry.get("iscrowd", 0) for entry in entries),
        ignored=flags(entry.get("ignore", 0) for entry in entries),
        widths=table.widths[image_of],
        heights=table.heights[image_of],
    )


def joined(parts: Sequence[Columns]) -> Columns:
    """The columns of all parts of a file, at least one, without the annotations themselves."""
    first = parts[0]
    arrays = {name: np.concatenate([getattr(part, name) for part in parts]) for name in _ARRAYS}
    return Columns(annotations=(), images=first.images, categories=first.categories, **arrays)


def flags(values: Iterable[Any]) -> Flags:
    """Whether each value is true, shape (N,)."""
    return np.array([bool(value) for value in values], dtype=np.bool_)


def places(chosen: Flags) -> list[int]:
    """Where a flag is set."""
    found: list[int] = np.flatnonzero(chosen).tolist()
    return found


def _integers(values: Sequence[int]) -> Places:
    return np.fromiter(values, np.int64, len(values))


def _numbers(values: list[Any]) -> Floats:
    """The values as floats; NaN for what is no finite number."""
    if not set(map(type, values)) <= {int, float}:
        values = [value if type(value) in (int, float) else np.nan for value in values]
    found = np.array(values, dtype=np.float64)
    found[~np.isfinite(found)] = np.nan
    return found
