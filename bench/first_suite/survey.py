"""What an annotation file holds, as far as a suite is planned by it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import orjson

from noisyseg.annotation_files.document import check_document, collector_paused, parse_annotations
from noisyseg.annotation_files.file_layout import FileLayout, layout_of, without_annotations
from noisyseg.annotation_files.mapped_file import Content, let_go, map_file
from noisyseg.bench.datasets.selection import spread
from noisyseg.errors import InputError

_MEASURED = 2000  # annotations whose boxes are looked at


@dataclass(frozen=True, kw_only=True, slots=True)
class Survey:
    """An annotation file's classes, images and sizes.

    Attributes:
        classes: in the file's order.
        superclasses: of each class; None where the file names none.
        counts: annotations of each class, crowds too.
        images: as the file lists them.
        long_side, short_side: of images, in pixels; the median.
        object_share: an object's size, as the root of its box's area, in shares of its image's
            longer side; the median.
    """

    path: Path
    classes: list[str]
    superclasses: dict[str, str | None]
    counts: dict[str, int]
    images: list[dict[str, Any]]
    long_side: int
    short_side: int
    object_share: float

    @property
    def annotations(self) -> int:
        """How many there are."""
        return sum(self.counts.values())


def survey(path: Path, content: bytes | None = None) -> Survey:
    """What a file holds; a large one is not parsed whole unless it is unusual.

    Args:
        path: of the file.
        content: its bytes, if it is not written yet.

    Raises:
        InputError: it cannot be read, or is none that can be trained on.
    """
    data = map_file(path) if content is None else content
    with collector_paused():
        layout = layout_of(data)
        if layout is None or not len(layout.annotations):
            document = parse_annotations(bytes(data), str(path))
            entries = document["annotations"]
            counts = Counter(entry["category_id"] for entry in entries)
            return _survey(path, document, counts, spread(entries, _MEASURED))
        document = without_annotations(data, layout.annotations[:, 3:])
        check_document(document, str(path))
        counts = Counter(layout.annotations[:, 2].tolist())
        sample = _sample(data, layout)
    let_go(data)
    return _survey(path, document, counts, sample)


def _sample(data: Content, layout: FileLayout) -> list[Any]:
    chosen = spread(range(len(layout.annotations)), _MEASURED)
    spans = layout.annotations[chosen, 3:].tolist()
    return [orjson.loads(data[start:end]) for start, end in spans]


def _survey(
    path: Path, document: dict[str, Any], counts: Counter[int], sample: Sequence[Any]
) -> Survey:
    images, categories = document["images"], document["categories"]
    if not images or not categories or not sample:
        raise InputError(f"{path}: it has no images, no annotations or no categories.")
    sides = [(image["width"], image["height"]) for image in images]
    return Survey(
        path=path,
        classes=[entry["name"] for entry in categories],
        superclasses={entry["name"]: _superclass(entry) for entry in categories},
        counts={entry["name"]: counts[entry["id"]] for entry in categories},
        images=images,
        long_side=round(median(max(pair) for pair in sides)),
        short_side=round(median(min(pair) for pair in sides)),
        object_share=_object_share(images, sample),
    )


def _superclass(entry: dict[str, Any]) -> str | None:
    name = entry.get("supercategory")
    return name if isinstance(name, str) and name else None


def _object_share(images: Sequence[dict[str, Any]], sample: Sequence[Any]) -> float:
    longer = {image["id"]: max(image["width"], image["height"]) for image in images}
    shares = []
    for entry in sample:
        side, box = longer.get(entry.get("image_id")), entry.get("bbox")
        if side and isinstance(box, list) and len(box) == 4 and not entry.get("iscrowd"):
            shares.append(max(float(box[2]) * float(box[3]), 0.0) ** 0.5 / side)
    return median(shares) if shares else 0.0
