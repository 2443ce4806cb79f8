"""What `diff` finds between two annotation files, in numbers and ids.

K categories. The file before is the one that the other is compared with.
"""

from dataclasses import asdict, dataclass
from typing import Any, Literal

Match = Literal["id", "iou"]


@dataclass(frozen=True, kw_only=True, slots=True)
class ClassChange:
    """An annotation of another class: ids and class names in the two files."""

    before_id: int
    after_id: int
    before: str
    after: str


@dataclass(frozen=True, kw_only=True, slots=True)
class GeometryChange:
    """An annotation of another shape.

    Attributes:
        fields: which of segmentation, bbox and area differ.
        iou: of the two masks, or of the two boxes where one has no mask.
    """

    before_id: int
    after_id: int
    fields: tuple[str, ...]
    iou: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Renumbered:
    """An image of another id: its ids in the two files."""

    before_id: int
    after_id: int


@dataclass(frozen=True, kw_only=True, slots=True)
class ClassDifference:
    """One class in numbers.

    Attributes:
        before, after: its annotations in the two files.
        matched: of those before, how many have a counterpart.
        changed: of those matched, how many have another class after.
        rate, interval: changed / matched with Wilson's 95 % interval; None if none is matched.
        removed: of those before, how many have no counterpart.
        added: of those after, how many have none.
    """

    name: str
    before: int
    after: int
    matched: int
    changed: int
    rate: float | None
    interval: list[float] | None
    removed: int
    added: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """What turns one file into another.

    Attributes:
        match: how annotations were matched: "id" or "iou".
        images: how many there are, all of them matched.
        images_by: how, in words: "id and file name", "base name", "size and objects", …
        renumbered_images: those of another id in the file after.
        before, after: numbers of annotations, crowds too.
        matched: pairs that are counted.
        crowds_counted: whether crowds are in `matched`, `counts`, `rate` and `classes`.
        rate, interval: pairs of different classes / all, with Wilson's 95 % interval.
        classes: one entry per class, in the order of the file before.
        counts: row = class before, column = class after, K x K.
        matrix: the same, rows divided by their sums; None in a row of no pair.
        removed, added: ids without a counterpart in the other file.
    """

    match: Match
    images: int
    images_by: str
    renumbered_images: list[Renumbered]
    before: int
    after: int
    matched: int
    crowds_counted: bool
    rate: float | None
    interval: list[float] | None
    classes: list[ClassDifference]
    counts: list[list[int]]
    matrix: list[list[float] | None]
    class_changes: list[ClassChange]
    geometry_changes: list[GeometryChange]
    removed: list[int]
    added: list[int]

    def as_json(self) -> dict[str, Any]:
        """The difference as JSON-able data, by attribute."""
        return asdict(self)
