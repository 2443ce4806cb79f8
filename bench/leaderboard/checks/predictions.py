"""Each run's predictions: of exactly the evaluation's images, and the record's numbers theirs."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from noisyseg.bench.leaderboard.checks.check import Check, equal, held, named
from noisyseg.bench.leaderboard.checks.installed import Installed
from noisyseg.bench.leaderboard.checks.masks import odd_masks
from noisyseg.bench.leaderboard.documents import Outline, outline
from noisyseg.bench.leaderboard.limits import LIMITS
from noisyseg.bench.runs.run import PREDICTIONS
from noisyseg.errors import InputError
from noisyseg.files import sha256_file
from noisyseg.results.evaluation.evaluation import evaluate
from noisyseg.results.evaluation.ground_truth import read_ground_truth
from noisyseg.results.evaluation.predictions import Predictions, read_predictions
from noisyseg.results.evaluation.verification import metric_differences, tool_remarks
from noisyseg.results.records.metrics import METRICS, metric_value
from noisyseg.results.records.record import Record

_READABLE = "the predictions can be read"
_AGAIN = "every number is what the predictions come to, by both programs"
_SCORES = "every score is from 0 to 1"
_MOST = "no more of an image than the model gives"
_BOXES = "every box lies in its image"
_MASKS = "every mask is of its image's size, as far as detections tell it"
_MARGIN = 1.0  # pixels
_MOST_NAMED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Recomputed:
    """What a run's predictions are and come to.

    Attributes:
        predictions: None if they cannot be read.
        metrics: None without data, or where they cannot be evaluated.
    """

    predictions: Predictions | None = None
    metrics: dict[str, Any] | None = None


def check_predictions(
    folder: Path, key: str, stated: str | None, installed: Installed, *, trained: bool = True
) -> tuple[Recomputed, list[Check]]:
    """Read a run's predictions, hold them against the evaluation's images, evaluate them.

    Args:
        folder: the run's in the unpacked bundle.
        key: the run's.
        stated: the checksum of the predictions that the run's record has.
        installed: the suite and the data.
        trained: by noisyseg, whose detectors give no more than so many, with probabilities.
    """
    file = folder / PREDICTIONS
    images = _images(installed.eval_file)
    try:
        problem = _too_large(outline(file, PREDICTIONS), installed, images, trained=trained)
        if problem is not None:  # and would take long to read
            return Recomputed(), [held("predictions.count", _MOST, problem, key)]
        predictions = read_predictions(file)
    except InputError as error:
        problem = str(error).replace(str(file), PREDICTIONS)
        return Recomputed(), [held("predictions.readable", _READABLE, problem, key)]
    what = "the predictions are the file that the record names"
    checks = [
        held("predictions.readable", _READABLE, None, key),
        equal("predictions.file", what, stated, sha256_file(file), key),
    ]
    if trained:
        checks += [
            held("predictions.scores", _SCORES, _scores(predictions), key),
            held("predictions.count", _MOST, _too_many(predictions, installed), key),
        ]
    checks.append(held("predictions.boxes", _BOXES, _far_boxes(predictions), key))
    if checks[-1].state == "fails":  # of what lies anywhere, nothing is computed
        return Recomputed(predictions=predictions), checks
    if installed.eval_file is None or images is None:
        checks.append(held("predictions.masks", _MASKS, odd_masks(predictions), key))
        todo = "the numbers were not computed again: that needs the data"
        checks.append(Check(id="metrics.again", state="unchecked", what=todo, run=key))
        return Recomputed(predictions=predictions), checks
    of_images, metrics = _evaluated(predictions, images, key, installed)
    return Recomputed(predictions=predictions, metrics=metrics), [*checks, *of_images]


def check_metrics(record: Record, metrics: Mapping[str, Any]) -> list[Check]:
    """Hold every number of a record against those of its predictions."""
    key = record["key"]
    differences = metric_differences(record["metrics"], metrics)
    some = "; ".join(str(one) for one in differences[:_MOST_NAMED])
    more = f"; and {len(differences) - _MOST_NAMED} more" * (len(differences) > _MOST_NAMED)
    checks = [held("metrics.again", _AGAIN, f"{some}{more}" or None, key)]
    if not all(isinstance(name, str) for name in _tools(record["metrics"])):
        what = "the record names the programs that computed its numbers"
        checks.append(held("metrics.tool", what, "something else is in their places", key))
    return checks + [
        Check(id="metrics.tool", state="remark", what=line, run=key)
        for line in tool_remarks(record["metrics"], metrics)
    ]


def _tools(metrics: Mapping[str, Any]) -> tuple[Any, Any]:
    verified = metrics.get("verified")
    return metrics.get("tool"), verified.get("tool") if isinstance(verified, Mapping) else None


def check_alike(predictions: Sequence[Predictions]) -> Check:
    """Whether all runs were evaluated on the same images, which can be told without the data."""
    what = "the predictions of all runs are of the same images and annotations"
    found = {(one.annotations_sha256, tuple(sorted(one.image_ids))) for one in predictions}
    problem = f"of {len(found)} different ones" if len(found) > 1 else None
    return held("predictions.alike", what, problem)


def check_range(record: Record) -> list[Check]:
    """Whether the numbers that a record states can be percentages at all."""
    what = "every number that tables show is from 0 to 100, or absent"
    try:
        stated = {name: metric_value(record["metrics"], name) for name in METRICS}
    except InputError as error:
        return [held("metrics.range", what, str(error), record["key"])]
    wrong = [
        f"{name} {value!r}"
        for name, value in stated.items()
        if value is not None and not 0 <= value <= 100
    ]
    return [held("metrics.range", what, named(wrong) or None, record["key"])]


def _evaluated(
    predictions: Predictions, images: set[int], key: str, installed: Installed
) -> tuple[list[Check], dict[str, Any] | None]:
    eval_file = installed.eval_file
    assert eval_file is not None
    found = sha256_file(eval_file)
    checks = [
        equal(
            "predictions.annotations",
            "they were made for the evaluation's annotations",
            predictions.annotations_sha256,
            found,
            key,
        ),
        held(
            "predictions.images",
            "they are of exactly the evaluation's images",
            _other_images({*predictions.image_ids}, images),
            key,
        ),
    ]
    if any(check.state == "fails" for check in checks):
        return checks, None
    try:
        return checks, evaluate(eval_file, predictions, classes=installed.common["data"]["classes"])
    except InputError as error:
        return [*checks, held("metrics.again", _AGAIN, str(error), key)], None


def _other_images(predicted: set[int], images: set[int]) -> str | None:
    parts = []
    if images - predicted:
        parts.append(f"{len(images - predicted)} are absent ({named(sorted(images - predicted))})")
    if predicted - images:
        parts.append(f"{len(predicted - images)} are others ({named(sorted(predicted - images))})")
    return "; ".join(parts) or None


def _scores(predictions: Predictions) -> str | None:
    wrong = [
        detection["score"]
        for detection in predictions.detections
        if not 0 <= detection["score"] <= 1
    ]
    return f"{len(wrong)} are not: {named(wrong)}" if wrong else None


def _far_boxes(predictions: Predictions) -> str | None:
    """Boxes that do not lie in their image, whose size their masks have."""
    wrong = []
    for number, one in enumerate(predictions.detections):
        (height, width), (x, y, across, down) = one["segmentation"]["size"], one["bbox"]
        fits = min(x, y) >= -_MARGIN and x + across <= width + _MARGIN
        if not (fits and y + down <= height + _MARGIN):
            wrong.append(f"detection {number}")
    return f"not so: {named(wrong)}" if wrong else None


def _images(eval_file: Path | None) -> set[int] | None:
    if eval_file is None:
        return None
    return {image["id"] for image in read_ground_truth(eval_file)["images"]}


def _too_large(
    found: Outline, installed: Installed, images: set[int] | None, *, trained: bool
) -> str | None:
    """More detections than all of the evaluation's images can have together."""
    own = _per_image(installed) if trained else None
    most = LIMITS.per_image if own is None else own
    known = installed.suite.data.get("val_images") if images is None else len(images)
    count = found.images if type(known) is not int else min(known, found.images)
    if found.detections <= most * count:
        return None
    return f"at most {most}; {found.detections} of {count} images together"


def _per_image(installed: Installed) -> int | None:
    limit = installed.common["model"]["detector"].get("test_cfg", {}).get("rcnn", {})
    most = limit.get("max_per_img")
    return most if isinstance(most, int) else None


def _too_many(predictions: Predictions, installed: Installed) -> str | None:
    """More detections of an image than the model's own limit, at which it stops."""
    most = _per_image(installed)
    if most is None:
        return None
    counts = Counter(detection["image_id"] for detection in predictions.detections)
    over = [f"image {image}: {count}" for image, count in counts.items() if count > most]
    return f"at most {most}; {named(over)}" if over else None
