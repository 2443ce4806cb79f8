"""Box and mask average precision under COCO's own settings, from a run's saved predictions."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from noisyseg.errors import InputError, unknown_name
from noisyseg.results.bootstrap import Matches, collect_matches
from noisyseg.results.engines import (
    FAST,
    REFERENCE,
    SUMMARY,
    Engine,
    Outcome,
    largest_difference,
    run,
)
from noisyseg.results.matched import matched_classes
from noisyseg.results.predictions import Detection, Predictions
from noisyseg.run_length import pixels_described

# What a run's key says of its evaluation: raise the version whenever a number could change.
EVALUATION: dict[str, Any] = {
    "version": 1,
    "settings": {
        "iou_thresholds": [0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95],
        "recall_points": 101,
        "max_detections": [1, 10, 100],
        "area_ranges": {
            "all": [0, 10_000_000_000],
            "small": [0, 1024],
            "medium": [1024, 9216],
            "large": [9216, 10_000_000_000],
        },
    },
}
TOLERANCE = 1e-9
"""Of a fraction: where the fast program differs by more from the reference, that is reported."""
_AP = SUMMARY[:6]
_KINDS = ("bbox", "segm")
_AGNOSTIC = "agnostic"
_REQUIRED = {
    "images": ("id", "height", "width"),
    "annotations": ("image_id", "category_id"),
    "categories": ("id", "name"),
}
_SHAPE = ("bbox", "area", "segmentation")


def evaluate(
    annotation_file: Path,
    predictions: Predictions,
    *,
    classes: Sequence[str] | None = None,
    verify: bool = True,
) -> dict[str, Any]:
    """AP in percent, overall and per class, and what it is made of; None without ground truth.

    Only the images in `predictions.image_ids` and only the named classes count. Whether
    `predictions.annotations_sha256` is this file's is the caller's to decide: detections may be
    scored against corrected annotations of the same images.

    Args:
        annotation_file: COCO-format ground truth.
        predictions: detections with the file's image and category ids.
        classes: class names, matched to the file's categories; None for all of them.
        verify: whether pycocotools computes everything as well; where the two differ by more than
            `TOLERANCE` anywhere, its numbers are the ones reported.

    Returns:
        A mapping with

        - `version`; `tool`, the program whose numbers these are; `verified`, None or {`tool`,
          `largest_difference`: in percent points, of all numbers and of every point of the
          precision-recall curves},
        - `bbox` and `segm`: {AP, AP50, AP75, APs, APm, APl},
        - `per_class`: class name → {`bbox`: AP, `segm`: AP},
        - `agnostic`: {AP, AP50, AP75, AR100} of masks, all classes as one: a detection of the wrong
          class counts, and a second one of the same instance is a false positive,
        - `matched`: see `matched_classes`.

    Raises:
        InputError: unusable annotation file; a class, image or category the file lacks; a mask
            that is damaged or not of its image's size.
    """
    dataset = _read(annotation_file)
    categories = _category_ids(dataset["categories"], classes, annotation_file)
    check_predictions(predictions, dataset, annotation_file)
    truth = _ground_truth(dataset, predictions.image_ids, categories, annotation_file)
    # Without regard to class both programs would take detections of every class there is.
    ids = set(categories.values())
    detections = [entry for entry in predictions.detections if entry["category_id"] in ids]
    parts = (truth, detections, predictions.image_ids, sorted(ids))
    engine, outcomes = FAST, _outcomes(FAST, *parts)
    verified = None
    if verify:
        reference = _outcomes(REFERENCE, *parts)
        gap = max(largest_difference(outcomes[part], reference[part]) for part in reference)
        verified = {"tool": REFERENCE.title, "largest_difference": 100 * gap}
        if gap > TOLERANCE:
            engine, outcomes = REFERENCE, reference
    per_class = {kind: _per_class(outcomes[kind], categories) for kind in _KINDS}
    return {
        "version": EVALUATION["version"],
        "tool": engine.title,
        "verified": verified,
        **{kind: _summary(outcomes[kind], _AP) for kind in _KINDS},
        "per_class": {
            name: {kind: per_class[kind][name] for kind in _KINDS} for name in categories
        },
        _AGNOSTIC: _summary(outcomes[_AGNOSTIC], ("AP", "AP50", "AP75", "AR100")),
        "matched": matched_classes(
            outcomes[_AGNOSTIC].images(),
            truth["annotations"],
            detections,
            categories,
            area=EVALUATION["settings"]["area_ranges"]["all"],
        ),
    }


def mask_matches(
    annotation_file: Path, predictions: Predictions, *, classes: Sequence[str] | None = None
) -> Matches:
    """What an evaluation of masks matched, for the bootstrap over images.

    Args:
        annotation_file: COCO-format ground truth.
        predictions: detections with the file's image and category ids.
        classes: class names; None for all of the file's.

    Raises:
        InputError: as `evaluate`.
    """
    dataset = _read(annotation_file)
    categories = _category_ids(dataset["categories"], classes, annotation_file)
    check_predictions(predictions, dataset, annotation_file)
    ids = sorted(categories.values())
    everything = EVALUATION["settings"]["area_ranges"]["all"]
    outcome = run(
        FAST,
        _ground_truth(dataset, predictions.image_ids, categories, annotation_file),
        [entry for entry in predictions.detections if entry["category_id"] in set(ids)],
        "segm",
        image_ids=predictions.image_ids,
        category_ids=ids,
        # One area range and one limit: the others' matches take seconds to hand over.
        settings={"max_detections": [100], "area_ranges": {"all": everything}},
    )
    return collect_matches(
        outcome.images(),
        image_ids=predictions.image_ids,
        category_ids=ids,
        area=everything,
        thresholds=len(EVALUATION["settings"]["iou_thresholds"]),
    )


def _outcomes(
    engine: Engine,
    truth: Mapping[str, Any],
    detections: Sequence[Detection],
    image_ids: Sequence[int],
    category_ids: Sequence[int],
) -> dict[str, Outcome]:
    """Boxes, masks, and masks without regard to class."""
    return {
        part: run(
            engine,
            truth,
            detections,
            "segm" if part == _AGNOSTIC else part,
            image_ids=image_ids,
            category_ids=category_ids,
            settings=EVALUATION["settings"],
            by_class=part != _AGNOSTIC,
        )
        for part in (*_KINDS, _AGNOSTIC)
    }


def _read(path: Path) -> dict[str, Any]:
    try:
        dataset = orjson.loads(path.read_bytes())
    except OSError as error:
        raise InputError(f"cannot read annotations {path}: {error.strerror}") from error
    except ValueError as error:
        raise InputError(f"{path} is not JSON: {error}. Wanted COCO annotations") from error
    lists = ", ".join(_REQUIRED)
    if not isinstance(dataset, dict) or not all(
        isinstance(dataset.get(k), list) for k in _REQUIRED
    ):
        raise InputError(f"{path}: wanted COCO annotations, an object with the lists {lists}")
    for name, keys in _REQUIRED.items():
        for index, entry in enumerate(dataset[name]):
            if not isinstance(entry, dict) or any(entry.get(key) is None for key in keys):
                raise InputError(f"{path}: {name}[{index}] lacks one of {', '.join(keys)}")
    return dataset


def _category_ids(
    categories: list[dict[str, Any]], classes: Sequence[str] | None, path: Path
) -> dict[str, int]:
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


def check_predictions(predictions: Predictions, dataset: Mapping[str, Any], path: Path) -> None:
    """Refuse predictions that are not of the annotations in `dataset`, which `path` names.

    Raises:
        InputError: no image, an image or a category that it lacks, a mask that is damaged or not of
            its image's size.
    """
    if not predictions.image_ids:  # pycocotools takes an empty list for "every image"
        raise InputError(f"no image to evaluate against {path}: image_ids is empty")
    sizes = {image["id"]: (image["height"], image["width"]) for image in dataset["images"]}
    _refuse_strangers("image", set(predictions.image_ids) - set(sizes), path)
    predicted = {detection["category_id"] for detection in predictions.detections}
    known = {category["id"] for category in dataset["categories"]}
    _refuse_strangers("category", predicted - known, path)
    _check_masks(predictions.detections, sizes)


def _refuse_strangers(kind: str, strangers: set[int], path: Path) -> None:
    if strangers:
        some = ", ".join(map(str, sorted(strangers)[:5])) + (", …" if len(strangers) > 5 else "")
        raise InputError(
            f"the predictions hold {len(strangers)} {kind} id(s) that {path} does not: {some}. "
            "Evaluate against the file they were made for; ids are the file's, not label indices"
        )


def _check_masks(detections: Sequence[Detection], sizes: Mapping[int, tuple[int, int]]) -> None:
    masks = [detection["segmentation"] for detection in detections]
    covered = pixels_described([mask["counts"] for mask in masks])
    for index, (detection, mask) in enumerate(zip(detections, masks, strict=True)):
        height, width = sizes[detection["image_id"]]
        where = f"detection {index} of image {detection['image_id']}"
        if mask["size"] != [height, width]:
            raise InputError(
                f"{where}: its mask is {mask['size']} (height, width), the image "
                f"{[height, width]}: give masks in the original image's size"
            )
        if covered[index] != height * width:
            raise InputError(
                f"{where}: its mask is damaged: wanted compressed run lengths that cover "
                f"{height * width} pixels, got {mask['counts'][:30]!r}"
            )


def _ground_truth(
    dataset: Mapping[str, Any], image_ids: Iterable[int], categories: Mapping[str, int], path: Path
) -> dict[str, Any]:
    images, ids = set(image_ids), set(categories.values())
    annotations: list[dict[str, Any]] = []
    for annotation in dataset["annotations"]:
        if annotation["image_id"] not in images or annotation["category_id"] not in ids:
            continue
        missing = [key for key in _SHAPE if annotation.get(key) in (None, [], {})]
        if missing:
            name = annotation.get("id", "without an id")
            raise InputError(f"{path}: annotation {name} has no {', '.join(missing)}")
        # pycocotools reads a match with annotation id 0 as none: number from 1.
        changes = {"id": len(annotations) + 1, "iscrowd": annotation.get("iscrowd", 0)}
        annotations.append({**annotation, **changes})
    return {**dataset, "annotations": annotations}


def _summary(outcome: Outcome, names: Sequence[str]) -> dict[str, float | None]:
    values = dict(zip(SUMMARY, outcome.stats.tolist(), strict=True))
    return {name: _percent(values[name]) for name in names}


def _per_class(outcome: Outcome, categories: Mapping[str, int]) -> dict[str, float | None]:
    # (IoU threshold, recall point, category by ascending id, area range, detection limit)
    precision = outcome.precision[:, :, :, 0, -1]
    place = {category_id: k for k, category_id in enumerate(sorted(categories.values()))}
    return {name: _mean(precision[:, :, place[i]]) for name, i in categories.items()}


def _mean(precision: NDArray[np.float64]) -> float | None:
    known = precision[precision > -1]
    return _percent(known.mean()) if known.size else None


def _percent(fraction: float) -> float | None:
    return None if fraction == -1 else 100 * float(fraction)
