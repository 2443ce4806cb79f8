"""A run's record held against all that can be computed once more: its numbers, files and key."""

import re
from pathlib import Path
from typing import Any

from noisyseg.bench.runs.file_findings import check_files, check_original, checksum_of
from noisyseg.bench.runs.match_findings import check_matches
from noisyseg.bench.runs.rehearsal import is_rehearsal
from noisyseg.bench.runs.run import PREDICTIONS
from noisyseg.bench.runs.run_files import annotations_with, prepared_file
from noisyseg.errors import InputError
from noisyseg.results.evaluation.evaluation import evaluate
from noisyseg.results.evaluation.ground_truth import read_ground_truth
from noisyseg.results.evaluation.predictions import Predictions, read_predictions
from noisyseg.results.evaluation.settings import EVALUATION
from noisyseg.results.evaluation.verification import Findings, metric_differences, tool_remarks
from noisyseg.results.records.record import Record, RunSpec, given_by_content

_KEY = re.compile("[0-9a-f]{16}")


def verify_run(
    folder: Path, record: Record, annotations: Path | None = None
) -> tuple[dict[str, Any] | None, Findings]:
    """Compute everything once more that a record's run left the means for.

    Args:
        folder: the run's.
        record: of a run that is done, whether or not its checksum and key are its content's.
        annotations: evaluated on; None: the file in the run's store.

    Returns:
        What the predictions come to, by both programs (None if that cannot be said), and what
        came of holding the record against it, against the files and against itself.

    Raises:
        CorruptRecordError: the record holds what JSON cannot.
    """
    findings = Findings()
    for name, found in given_by_content(record).items():
        findings.hold(name, record[name], found)  # type: ignore[literal-required]
    name = folder.resolve().name
    if name != record["key"] and _KEY.fullmatch(name):
        findings.hold("key", record["key"], name, "the folder's name")
    findings.hold("spec.eval", record["spec"]["eval"], EVALUATION, "this noisyseg's")
    check_files(folder, record, findings)
    metrics = _metrics(folder, record, annotations, findings)
    findings.claimed += _claims(record)
    return metrics, findings


def recorded_classes(record: Record) -> list[str]:
    """The classes that a run was trained on.

    Raises:
        InputError: something else is in their place, as no noisyseg writes it.
    """
    classes = record["spec"]["data"].get("classes")
    if not isinstance(classes, list) or not all(isinstance(name, str) for name in classes):
        raise InputError(f"spec.data.classes: wanted a list of names, got {repr(classes)[:60]}")
    return classes


def _metrics(
    folder: Path, record: Record, annotations: Path | None, findings: Findings
) -> dict[str, Any] | None:
    """The numbers of the saved predictions, and how the record's differ."""
    try:
        predictions = read_predictions(folder / PREDICTIONS)
        file = _evaluated_on(folder, record["spec"], predictions, annotations, findings)
        if file is None:
            raise InputError(
                "not computed: the annotations that the predictions were made for are not there"
            )
        _check_images(record["spec"], predictions, file, findings)
        classes = recorded_classes(record)
        metrics = evaluate(file, predictions, classes=classes)
        if "matches" in record["checksums"]:
            tool = metrics["tool"]
            check_matches(folder, file, predictions, classes=classes, tool=tool, findings=findings)
    except InputError as error:
        findings.unchecked.append(f"metrics: {error}")
        return None
    differences = metric_differences(record["metrics"], metrics)
    findings.differences += differences
    if not differences:
        findings.proven.append("metrics")
    findings.claimed += tool_remarks(record["metrics"], metrics)
    return metrics


def _evaluated_on(
    folder: Path,
    spec: RunSpec,
    predictions: Predictions,
    annotations: Path | None,
    findings: Findings,
) -> Path | None:
    """The annotation file that the predictions were made for; None if it is not there."""
    made_for, path = predictions.annotations_sha256, "annotations_sha256 of the predictions"
    file = annotations or prepared_file(folder, spec, "eval")
    if annotations is None and (file is None or not file.is_file()):
        file = annotations_with(made_for, folder)
    found = checksum_of(file, path, findings)
    if found is None:
        return None
    findings.hold(path, made_for, found, str(file))
    check_original(spec, "eval", found, findings)
    return file if found == made_for else None


def _check_images(spec: RunSpec, predictions: Predictions, file: Path, findings: Findings) -> None:
    """All of a file's images must have been looked at, but in a rehearsal: easy ones score more."""
    if not is_rehearsal(spec["protocol"]):
        images = len(read_ground_truth(file)["images"])
        findings.hold("images predicted", len(predictions.image_ids), images, str(file))


def _claims(record: Record) -> list[str]:
    """What no file can prove."""
    claims = [
        "started, finished, timings, usage, environment, lineage: as the run's own processes wrote "
        "them",
        "that these predictions, and what the log tells, came of this spec: only training it again "
        "tells",
    ]
    if record["spec"]["model"].get("weights_sha256") is not None:
        claims.append("spec.model.weights_sha256: of a file that is not in the store")
    return claims
