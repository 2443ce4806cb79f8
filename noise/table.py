"""The columns of an annotation file that class noise needs. N annotations, K categories."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from noisyseg.errors import InputError
from noisyseg.noise.categories import Categories
from noisyseg.noise.transition import Indices, Mask, Words


@dataclass(frozen=True, kw_only=True, slots=True)
class AnnotationTable:
    """Annotations in the file's order.

    Attributes:
        categories: the file's.
        numbers: annotation ids, shape (N,).
        classes: index of the category in `categories`, shape (N,).
        crowds: shape (N,).
    """

    categories: Categories
    numbers: Indices
    classes: Indices
    crowds: Mask

    @property
    def ids(self) -> Words:
        """Annotation ids modulo 2^64, as draws take them, shape (N,)."""
        return self.numbers.astype(np.uint64)

    @property
    def category_ids(self) -> Indices:
        """The file's category id of each annotation, shape (N,)."""
        return np.array(self.categories.ids, dtype=np.int64)[self.classes]

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> "AnnotationTable":
        """The table of a checked COCO document.

        Raises:
            InputError: an id outside [-2^63, 2^63).
        """
        categories = Categories.of(document)
        index_of = {number: index for index, number in enumerate(categories.ids)}
        entries = document["annotations"]
        return cls(
            categories=categories,
            numbers=_numbers([entry["id"] for entry in entries]),
            classes=np.array([index_of[entry["category_id"]] for entry in entries], dtype=np.int64),
            crowds=np.array([bool(entry.get("iscrowd", 0)) for entry in entries], dtype=np.bool_),
        )


def _numbers(ids: Sequence[int]) -> Indices:
    try:
        return np.array(ids, dtype=np.int64)
    except OverflowError as error:
        extreme = max(ids, key=abs)
        raise InputError(
            f"an annotation id must be in [-2^63, 2^63), got {extreme}: renumber the annotations."
        ) from error
