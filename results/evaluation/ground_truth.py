"""An annotation file as the evaluation programs get it: what they need, checked and numbered.

Exporters write what pycocotools never reads and hotcoco refuses (`date_captured: 0`, integer
super-categories, null lists), and ids beyond 64 bits, of which NumPy makes floats, so that
pycocotools finds nothing. So neither program sees more of a file than it evaluates, and images,
annotations and categories are numbered from 1, in the order of their ids.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

from noisyseg.annotation_files.columns import columns_of
from noisyseg.annotation_files.document import CocoDocument, parse_annotations, read_bytes
from noisyseg.annotation_files.findings import grouped, refuse_errors
from noisyseg.annotation_files.shapes import shape_findings
from noisyseg.annotation_files.usage import usage_findings
from noisyseg.errors import InputError, unknown_name
from noisyseg.results.evaluation.predictions import Detection, Predictions

# A box that is absent is named with its annotation, as masks are.
_NOT_NEEDED = ("images.file_name", "annotations.id", "annotations.bbox")
_SHAPE = ("bbox", "area", "segmentation")


@dataclass(kw_only=True, slots=True, frozen=True)
class Numbered:
    """What is evaluated, by numbers from 1.

    Attributes:
        document: images, annotations and categories, of these classes and images alone.
        detections: of these classes.
        image_ids: of the images, ascending.
        categories: class name → number, in the order of the classes.
    """

    document: dict[str, Any]
    detections: list[Detection]
    image_ids: list[int]
    categories: dict[str, int]

    @property
    def category_ids(self) -> list[int]:
        """Ascending."""
        return sorted(self.categories.values())


def read_ground_truth(path: Path) -> CocoDocument:
    """A COCO file as far as an evaluation needs it: without file names or ids of annotations.

    Raises:
        InputError: unreadable, not JSON, or without what an evaluation needs.
    """
    return parse_annotations(read_bytes(path), str(path), optional=_NOT_NEEDED)


def category_ids(
    categories: list[dict[str, Any]], classes: Sequence[str] | None, path: Path
) -> dict[str, int]:
    """Class name → category id of the file, in the order of the classes.

    Raises:
        InputError: two categories with a name or an id, a class that the file lacks.
    """
    ids = {category["name"]: category["id"] for category in categories}
    if len(ids) != len(categories) or len(set(ids.values())) != len(categories):
        raise InputError(f"{path}: two categories share a name or an id: rename one")
    if classes is None:
        return ids
    if len(set(classes)) != len(classes):
        raise InputError(f"a class is named twice in {', '.join(classes)}: name each class once")
    for name in classes:
        if name not in ids:
            raise unknown_name("class", name, ids, where=str(path))
    return {name: ids[name] for name in classes}


def limits_of(path: Path, predictions: Predictions, classes: Sequence[str] | None) -> list[str]:
    """What limits a score on these images and classes, a line each.

    Args:
        path: of annotations that `evaluate` has taken.
        predictions: evaluated on them.
        classes: class names; None for all of the file's.
    """
    dataset = read_ground_truth(path)
    images, chosen = set(predictions.image_ids), set(classes or ())
    categories = [e for e in dataset["categories"] if classes is None or e["name"] in chosen]
    ids = {entry["id"] for entry in categories}
    part = {
        "images": [image for image in dataset["images"] if image["id"] in images],
        "annotations": [
            entry
            for entry in dataset["annotations"]
            if entry["image_id"] in images and entry["category_id"] in ids
        ],
        "categories": categories,
    }
    return [f"{path}: {line}" for line in grouped(usage_findings(columns_of(part), "eval"))]


def numbered(
    dataset: Mapping[str, Any],
    predictions: Predictions,
    categories: Mapping[str, int],
    path: Path,
    *,
    checked: bool = False,
) -> Numbered:
    """The ground truth and the detections of some images and classes.

    Args:
        dataset: of `read_ground_truth`.
        predictions: that fit it.
        categories: class name → category id.
        path: of the file, for messages.
        checked: whether its shapes have been looked at already.

    Raises:
        InputError: an annotation that neither program can take.
    """
    place = {number: n for n, number in enumerate(sorted(predictions.image_ids), start=1)}
    class_of = {number: n for n, number in enumerate(sorted(categories.values()), start=1)}
    used = [
        entry
        for entry in dataset["annotations"]
        if entry["image_id"] in place and entry["category_id"] in class_of
    ]
    images = [image for image in dataset["images"] if image["id"] in place]
    if not checked:
        _check({"images": images, "annotations": used}, path)
    return Numbered(
        document={
            "images": [
                {"id": place[image["id"]], "height": image["height"], "width": image["width"]}
                for image in images
            ],
            # pycocotools reads a match with annotation id 0 as none: number from 1.
            "annotations": [
                {
                    "id": number,
                    **_renumbered(entry, place, class_of),
                    "iscrowd": int(entry.get("iscrowd", 0)),
                    **{key: entry[key] for key in _SHAPE},
                }
                for number, entry in enumerate(used, start=1)
            ],
            "categories": [
                {"id": class_of[number], "name": name} for name, number in categories.items()
            ],
        },
        detections=[
            {**entry, **_renumbered(entry, place, class_of)}
            for entry in predictions.detections
            if entry["category_id"] in class_of
        ],
        image_ids=sorted(place.values()),
        categories={name: class_of[number] for name, number in categories.items()},
    )


class _Ids(TypedDict):
    image_id: int
    category_id: int


def _renumbered(
    entry: Mapping[str, Any], place: Mapping[int, int], class_of: Mapping[int, int]
) -> _Ids:
    """An annotation's or a detection's image and category, by numbers."""
    return {
        "image_id": place[entry["image_id"]],
        "category_id": class_of[entry["category_id"]],
    }


def _check(document: dict[str, Any], path: Path) -> None:
    named = [{"id": "without an id", **entry} for entry in document["annotations"]]
    for annotation in named:
        missing = [key for key in _SHAPE if annotation.get(key) in (None, [], {})]
        if missing:
            raise InputError(f"{path}: annotation {annotation['id']} has no {', '.join(missing)}")
    findings = list(shape_findings(columns_of({**document, "annotations": named})))
    refuse_errors(findings, f"{path}: cannot be evaluated on")
