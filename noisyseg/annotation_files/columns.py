"""The annotations of a COCO file as columns: what is asked of all of them is asked of arrays.

A COCO-sized file has 860,000 annotations and 46 million coordinates. N annotations.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

Annotation = dict[str, Any]
Image = dict[str, Any]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Places = NDArray[np.int64]

_MOST_SIDE = 2**31  # a longer one is too long for a mask, whatever it is


@dataclass(kw_only=True, slots=True, frozen=True)
class Columns:
    """Annotations, in the file's order, and their images.

    Attributes:
        annotations: N of them.
        images: of the file.
        categories: of the file.
        image_of: the place of each annotation's image in `images`, shape (N,).
        boxes: x, y, width, height in pixels, shape (N, 4).
        areas: NaN where there is none, shape (N,).
        crowds: shape (N,).
        widths, heights: of each annotation's image, in pixels, shape (N,).
    """

    annotations: Sequence[Annotation]
    images: Sequence[Image]
    categories: Sequence[dict[str, Any]]
    image_of: Places
    boxes: Floats
    areas: Floats
    crowds: Flags
    widths: Places
    heights: Places

    def image(self, place: int) -> Image:
        """The image of the annotation at a place."""
        return self.images[int(self.image_of[place])]

    def part(self, start: int, end: int) -> "Columns":
        """The annotations from one place up to another."""
        return Columns(
            annotations=self.annotations[start:end],
            images=self.images,
            categories=self.categories,
            image_of=self.image_of[start:end],
            boxes=self.boxes[start:end],
            areas=self.areas[start:end],
            crowds=self.crowds[start:end],
            widths=self.widths[start:end],
            heights=self.heights[start:end],
        )


def columns_of(document: dict[str, Any]) -> Columns:
    """The columns of a document whose entries are well-formed by themselves (see `document`).

    Annotations whose image is not in the file are left out: that is for others to tell.
    """
    images = document["images"]
    place_of = {image["id"]: place for place, image in enumerate(images)}
    entries = [entry for entry in document["annotations"] if entry["image_id"] in place_of]
    image_of = _integers([place_of[entry["image_id"]] for entry in entries])
    boxes = chain.from_iterable([entry["bbox"] for entry in entries])
    return Columns(
        annotations=entries,
        images=images,
        categories=document.get("categories", []),
        image_of=image_of,
        boxes=np.fromiter(boxes, np.float64, 4 * len(entries)).reshape(-1, 4),
        areas=_numbers([entry.get("area") for entry in entries]),
        crowds=flags(entry.get("iscrowd", 0) for entry in entries),
        widths=_integers([min(image["width"], _MOST_SIDE) for image in images])[image_of],
        heights=_integers([min(image["height"], _MOST_SIDE) for image in images])[image_of],
    )


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
