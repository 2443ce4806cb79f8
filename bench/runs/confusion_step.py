"""Confusion noise from a finished run's predictions: they become the matrix that noise asks for."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from noisyseg.annotation_files.document import parse_annotations, read_bytes
from noisyseg.errors import InputError, placed, unknown_name
from noisyseg.files import sha256_bytes
from noisyseg.located_yaml import Located, place_of
from noisyseg.noise.types.registry import NOISE_TYPES

CONFUSION = "confusion"
# What may stand in place of the matrix; parameter -> what it is.
IN_PLACE_OF_MATRIX = {
    "predictions": "in place of matrix: a finished run's predictions.json.zst",
    "annotations": "the annotation file that the predictions are of",
    "min_score": "least score of a detection that counts; 0 by default",
    "min_iou": "least IoU of a detection with its object; 0.5 by default",
}
_LIMITS = {"min_score": 0.0, "min_iou": 0.5}

Spot = Callable[..., str]  # of a key of the step, for messages; of the step itself if none is given


def with_matrices(raw: Any, classes: Sequence[str], where: str, base: Path = Path()) -> Any:
    """Raw noise steps, with a matrix in place of the predictions of every confusion step.

    Args:
        raw: what `noise.spec.parse_steps` takes; a step {type: confusion, predictions: FILE,
            annotations: FILE} may give min_score and min_iou too (see `results.confusion`).
        classes: the run's classes, in order.
        where: the place that `raw` came from, for messages.
        base: folder that relative paths in it start from.

    Raises:
        InputError: unusable predictions or annotations, or predictions of other annotations.
    """
    if isinstance(raw, list):
        return [
            _with_matrix(step, classes, base, partial(_spot, step, where, f", step {number}"))
            for number, step in enumerate(raw, start=1)
        ]
    return _with_matrix(raw, classes, base, partial(_spot, raw, where, ""))


def _spot(step: Any, where: str, number: str, key: str | None = None) -> str:
    return place_of(step, where, key) + number


def _with_matrix(step: Any, classes: Sequence[str], base: Path, spot: Spot) -> Any:
    if not isinstance(step, Mapping) or step.get("type") != CONFUSION:
        return step
    known = ("type", *NOISE_TYPES[CONFUSION].parameters, *IN_PLACE_OF_MATRIX)
    for key in step:
        if key not in known:
            raise unknown_name(f"key of {CONFUSION} noise", key, known, spot(key))
    own = {key: step[key] for key in IN_PLACE_OF_MATRIX if key in step}
    rest = {key: value for key, value in step.items() if key not in own}
    if "matrix" in step and not own:
        return step
    if "matrix" in step or not {"predictions", "annotations"} <= own.keys():
        raise InputError(
            f"{spot()}: {CONFUSION} noise needs either a matrix, or predictions (a run's "
            f"predictions.json.zst) and annotations (the file that it was evaluated on), got "
            f"{', '.join(map(str, step))}."
        )
    made = {**rest, "matrix": _matrix(own, classes, base, spot)}
    return step.with_values(made) if isinstance(step, Located) else made


def _matrix(own: Mapping[str, Any], classes: Sequence[str], base: Path, spot: Spot) -> Any:
    # Imported here: SciPy and more, which every other noise does without.
    from noisyseg.results.evaluation.confusion import confusion_matrix, row_normalised
    from noisyseg.results.evaluation.predictions import read_predictions

    predictions_path = _path(own["predictions"], f"{spot('predictions')}, predictions", base)
    annotations_path = _path(own["annotations"], f"{spot('annotations')}, annotations", base)
    limits = {
        key: _limit(own.get(key, default), f"{spot(key)}, {key}")
        for key, default in _LIMITS.items()
    }
    predictions = read_predictions(predictions_path)
    data = read_bytes(annotations_path)
    if sha256_bytes(data) != predictions.annotations_sha256:
        # Its category ids may mean other classes, and its image ids other images.
        raise InputError(
            f"{spot('annotations')}: {predictions_path} holds predictions for another annotation "
            f"file than {annotations_path} (its SHA-256 begins with "
            f"{predictions.annotations_sha256[:12]}): give the file that the run was evaluated on."
        )
    document = parse_annotations(data, str(annotations_path))
    with placed(f"{spot('predictions')}: {predictions_path}"):
        counts = confusion_matrix(predictions, document, classes=classes, **limits)
    return {"classes": list(classes), "rows": row_normalised(counts).tolist()}


def _path(value: Any, where: str, base: Path) -> Path:
    if not isinstance(value, str):
        raise InputError(f"{where}: wanted the path of a file, got {value!r}.")
    return base / value


def _limit(value: Any, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise InputError(f"{where}: wanted a number from 0 to 1, got {value!r}.")
    return float(value)
