"""The categories of an annotation file, as noise sees them: K of them, in the file's order."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from noisyseg.errors import InputError


@dataclass(frozen=True, kw_only=True, slots=True)
class Categories:
    """What noise may know of the classes.

    Attributes:
        ids: the file's category ids, in [-2^63, 2^63); index in it = class index.
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
        """The categories of a checked COCO document.

        Raises:
            InputError: an id outside [-2^63, 2^63).
        """
        entries = document["categories"]
        for entry in entries:
            if not -(2**63) <= entry["id"] < 2**63:
                raise InputError(
                    f"a category id must be in [-2^63, 2^63), got {entry['id']} for "
                    f"{entry['name']!r}: renumber the categories."
                )
        return cls(
            ids=tuple(entry["id"] for entry in entries),
            names=tuple(entry["name"] for entry in entries),
            supercategories=tuple(_superclass(entry) for entry in entries),
        )


def _superclass(entry: Mapping[str, Any]) -> str | None:
    name = entry.get("supercategory")
    return name if isinstance(name, str) and name else None
