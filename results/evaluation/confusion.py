"""What a model takes for what: a confusion matrix from a finished run's predictions.

K classes. Rows are true classes, columns predicted ones.
"""

from collections import defaultdict
from collections.abc import Container, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from noisyseg.errors import InputError, unknown_name
from noisyseg.mask_overlap import has_mask, overlaps, run_lengths
from noisyseg.results.evaluation.evaluation import check_predictions
from noisyseg.results.evaluation.predictions import Detection, Predictions

Counts = NDArray[np.int64]
Annotation = Mapping[str, Any]


def confusion_matrix(
    predictions: Predictions,
    document: Mapping[str, Any],
    *,
    classes: Sequence[str],
    min_score: float = 0.0,
    min_iou: float = 0.5,
) -> Counts:
    """How often an object of each class was found as each class.

    As in COCO's evaluation, but across the classes: in each image, the detections by falling score
    take the object that their mask overlaps most among those that are still free, if the masks'
    IoU is at least `min_iou`. So an object is counted once, under the class of its most confident
    detection. Objects that nothing finds and detections of nothing are not counted: both say
    nothing of confusion. Crowds are left out, as are objects and detections of other classes.

    Args:
        predictions: with the document's image and category ids.
        document: COCO annotations with masks, checked.
        classes: K names of the document's categories, in the order of the result.
        min_score: detections of a lower score are left out.
        min_iou: in (0, 1].

    Returns:
        Counts [true class, predicted class], shape (K, K).

    Raises:
        InputError: a class, image or category that the document lacks, an annotation without a
            mask, a limit out of range.
    """
    _check_limits(min_score, min_iou)
    place_of = _places(document, classes)
    check_predictions(predictions, document, Path("the annotation file"))
    whole = [entry for entry in document["annotations"] if not entry.get("iscrowd", 0)]
    sure = [entry for entry in predictions.detections if entry["score"] >= min_score]
    objects, detections = _by_image(whole, place_of), _by_image(sure, place_of)
    sizes = {image["id"]: (image["height"], image["width"]) for image in document["images"]}
    counts = np.zeros((len(classes), len(classes)), dtype=np.int64)
    for image in sorted(objects.keys() & detections.keys()):
        for truth, found in _matches(objects[image], detections[image], sizes[image], min_iou):
            counts[place_of[truth["category_id"]], place_of[found["category_id"]]] += 1
    return counts


def row_normalised(counts: Counts) -> NDArray[np.float64]:
    """P(predicted class | true class), shape (K, K); a class never found keeps to itself."""
    totals = counts.sum(axis=1, keepdims=True)
    shares: NDArray[np.float64] = counts / np.maximum(totals, 1)
    return np.where(totals > 0, shares, np.eye(len(counts)))


def _places(document: Mapping[str, Any], classes: Sequence[str]) -> dict[int, int]:
    """Category id -> class index."""
    ids = {category["name"]: category["id"] for category in document["categories"]}
    for name in classes:
        if name not in ids:
            raise unknown_name("class", name, ids, "confusion matrix")
    return {ids[name]: place for place, name in enumerate(classes)}


def _check_limits(min_score: float, min_iou: float) -> None:
    if not 0 < min_iou <= 1:
        raise InputError(f"the least IoU must be above 0 and at most 1, got {min_iou!r}.")
    if not 0 <= min_score <= 1:
        raise InputError(f"the least score must be from 0 to 1, got {min_score!r}.")


def _by_image(entries: Sequence[Any], categories: Container[int]) -> dict[int, list[Any]]:
    """The entries of the given category ids by image id."""
    found: dict[int, list[Any]] = defaultdict(list)
    for entry in entries:
        if entry["category_id"] in categories:
            found[entry["image_id"]].append(entry)
    return found


def _matches(
    objects: Sequence[Annotation],
    detections: Sequence[Detection],
    size: tuple[int, int],
    min_iou: float,
) -> list[tuple[Annotation, Detection]]:
    for entry in objects:
        if not has_mask(entry):
            raise InputError(
                f"annotation {entry['id']} has no segmentation: a confusion matrix is of masks."
            )
    ranked = sorted(detections, key=lambda detection: -detection["score"])  # stable
    iou = overlaps(
        [detection["segmentation"] for detection in ranked],
        [run_lengths(entry, *size) for entry in objects],
    )
    found = []
    for place, detection in enumerate(ranked):
        best = int(iou[place].argmax())
        if iou[place, best] >= min_iou:
            found.append((objects[best], detection))
            iou[:, best] = -1.0
    return found
