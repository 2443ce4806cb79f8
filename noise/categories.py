"""The categories of an annotation file, as noise sees them: K of them, in the file's order."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Categories:
    """What noise may know of the classes.

    Attributes:
        ids: the file's category ids; index in it = class index.
        names: unique.
        supercategories: None where the file names none.
    """

    ids: tuple[int, ...]
    names: tuple[str, ...]
    supercategories: tuple[str | None, ...]

    def __len__(self) -> int:
        return len(self.ids)

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> "Categories":
        """The categories of a checked COCO document."""
        entries = document["categories"]
        return cls(
            ids=tuple(entry["id"] for entry in entries),
            names=tuple(entry["name"] for entry in entries),
            supercategories=tuple(entry.get("supercategory") for entry in entries),
        )
