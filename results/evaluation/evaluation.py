"""Box and mask average precision under COCO's own settings, from a run's saved predictions."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from noisyseg.errors import InputError
from noisyseg.results.evaluation.arbitration import nearer_to_perfect
from noisyseg.results.evaluation.engines import (
    FAST,
    REFERENCE,
    SUMMARY,
    Engine,
    Outcome,
    largest_difference,
    run,
)
from noisyseg.results.evaluation.ground_truth import (
    Numbered,
    category_ids,
    numbered,
    read_ground_truth,
)
from noisyseg.results.evaluation.image_matches import Matches, collect_matches
from noisyseg.results.evaluation.matched import matched_classes
from noisyseg.results.evaluation.predictions import Detection, Predictions
from noisyseg.results.evaluation.settings import EVALUATION, TOLERANCE
from noisyseg.run_length import pixels_described

_AP = SUMMARY[:6]
_KINDS = ("bbox", "segm")
_AGNOSTIC = "agnostic"


def evaluate(
    annotation_file: Path,
    predictions: Predictions,
    *,
    classes: Sequence[str] | None = None,
    verify: bool = True,
    checked: bool = False,
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
            `TOLERANCE` anywhere, those of the program that scores perfect detections rightly are
            reported, pycocotools' if both do (see `arbitration`).
        checked: whether the annotations' shapes have been looked at already, as a run's have.

    Returns:
        A mapping with

        - `version`; `tool`, the program whose numbers these are; `verified`, None or {`tool`,
          `largest_difference`: in percent points, of all numbers and of every point of the
          precision-recall curves; where that is too much, `decision`: why the one is believed},
        - `bbox` and `segm`: {AP, AP50, AP75, APs, APm, APl},
        - `per_class`: class name → {`bbox`: AP, `segm`: AP},
        - `agnostic`: {AP, AP50, AP75, AR100} of masks, all classes as one: a detection of the wrong
          class counts, and a second one of the same instance is a false positive,
        - `matched`: see `matched_classes`.

    Raises:
        InputError: unusable annotation file; a class, image or category the file lacks; a mask
            that is damaged or not of its image's size.
    """
    dataset = read_ground_truth(annotation_file)
    ids = category_ids(dataset["categories"], classes, annotation_file)
    check_predictions(predictions, dataset, annotation_file)
    # Without regard to class both programs would take detections of every class there is.
    truth = numbered(dataset, predictions, ids, annotation_file, checked=checked)
    categories = truth.categories
    engine, outcomes = FAST, _outcomes(FAST, truth)
    verified: dict[str, Any] | None = None
    if verify:
        reference = _outcomes(REFERENCE, truth)
        gap = max(largest_difference(outcomes[part], reference[part]) for part in reference)
        verified = {"tool": REFERENCE.title, "largest_difference": 100 * gap}
        if gap > TOLERANCE:
            engine, verified["decision"] = nearer_to_perfect(
                FAST, REFERENCE, truth, EVALUATION["settings"]
            )
            outcomes = reference if engine is REFERENCE else outcomes
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
            truth.document["annotations"],
            truth.detections,
            categories,
            area=EVALUATION["settings"]["area_ranges"]["all"],
        ),
    }


def mask_matches(
    annotation_file: Path,
    predictions: Predictions,
    *,
    classes: Sequence[str] | None = None,
    tool: str = FAST.title,
    checked: bool = False,
) -> Matches:
    """What an evaluation of masks matched, for the bootstrap over images.

    Args:
        annotation_file: COCO-format ground truth.
        predictions: detections with the file's image and category ids.
        classes: class names; None for all of the file's.
        tool: whose numbers `evaluate` reported.
        checked: whether the annotations' shapes have been looked at already, as a run's have.

    Raises:
        InputError: as `evaluate`.
    """
    dataset = read_ground_truth(annotation_file)
    ids = category_ids(dataset["categories"], classes, annotation_file)
    check_predictions(predictions, dataset, annotation_file)
    truth = numbered(dataset, predictions, ids, annotation_file, checked=checked)
    everything = EVALUATION["settings"]["area_ranges"]["all"]
    outcome = run(
        REFERENCE if tool == REFERENCE.title else FAST,
        truth,
        "segm",
        # One area range and one limit: the others' matches take seconds to hand over.
        settings={"max_detections": [100], "area_ranges": {"all": everything}},
    )
    matches = collect_matches(
        outcome.images(),
        image_ids=truth.image_ids,
        category_ids=truth.category_ids,
        area=everything,
        thresholds=len(EVALUATION["settings"]["iou_thresholds"]),
    )
    return replace(matches, image_ids=tuple(sorted(predictions.image_ids)))


def _outcomes(engine: Engine, truth: Numbered) -> dict[str, Outcome]:
    """Boxes, masks, and masks without regard to class."""
    return {
        part: run(
            engine,
            truth,
            "segm" if part == _AGNOSTIC else part,
            settings=EVALUATION["settings"],
            by_class=part != _AGNOSTIC,
        )
        for part in (*_KINDS, _AGNOSTIC)
    }


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
