"""`noisyseg evaluate`: a run's numbers from its saved predictions, once more; writes nothing."""

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from noisyseg.bench.cli.arguments import add_json, names
from noisyseg.bench.cli.findings import (
    differences_document,
    findings_document,
    findings_text,
    status_of,
    verdict,
)
from noisyseg.bench.cli.output import DONE, SOME_FAILED, print_text, say, say_warnings
from noisyseg.bench.runs.run import PREDICTIONS
from noisyseg.bench.runs.run_files import annotations_with
from noisyseg.bench.runs.run_verification import recorded_classes, verify_run
from noisyseg.errors import InputError, placed
from noisyseg.files import sha256_file
from noisyseg.results.evaluation.evaluation import evaluate
from noisyseg.results.evaluation.ground_truth import limits_of
from noisyseg.results.evaluation.predictions import Predictions, read_predictions
from noisyseg.results.evaluation.verification import Difference, largest_gap, metric_differences
from noisyseg.results.records.record import Record, decode_record, parse_record
from noisyseg.results.records.store import RECORD_NAME, is_done

EXAMPLE = "noisyseg evaluate runs/shapes/ce/0123456789abcdef --verify"
_SHOWN = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What is asked for.

    Attributes:
        path: a run's folder, or its predictions.
        annotations: the ground truth; None: the file in the run's store.
        other_annotations: whether they may be others than the predictions were made for.
        classes: those alone; None: the run's, or all.
        verify: whether pycocotools computes everything, too, and the record's files are checked.
    """

    path: Path
    annotations: Path | None
    other_annotations: bool
    classes: list[str] | None
    verify: bool
    json: bool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument(
        "path",
        type=Path,
        metavar="PATH",
        help="a run's folder, or its predictions.json.zst; either is compared with its record",
    )
    parser.add_argument(
        "--annotations",
        type=Path,
        metavar="FILE",
        help="the ground truth (default: the file in the run's store)",
    )
    parser.add_argument(
        "--other-annotations",
        action="store_true",
        help="score against other annotations of the same images, such as corrected ones",
    )
    parser.add_argument(
        "--classes", type=names, metavar="A,B", help="only these (default: the run's, or all)"
    )
    parser.add_argument(
        "--verify",
        action="store_true",
        help="compute everything by pycocotools, too, and hold the whole record against it and "
        "against the run's files; exit status 0: all that files can prove is so, 1: something "
        "differs, 2: nothing differs, but a file for it is not there",
    )
    add_json(parser)


def run(options: Options) -> int:
    """Evaluate a run's predictions, and compare with its record if it has one.

    Raises:
        InputError: predictions that cannot be read, or that are of other annotations.
    """
    folder = _run_folder(options.path)
    own = not options.other_annotations and options.classes is None
    record = None if folder is None else _record(folder, whole=not (options.verify and own))
    if record is not None and not is_done(record):
        _tell_failure(options.path, record)
    compared = record if own and is_done(record) else None
    if options.verify and compared is not None and folder is not None:
        return _verify(folder, compared, options)
    metrics = _metrics(options, record)
    found = None if compared is None else metric_differences(compared["metrics"], metrics)
    if options.json:
        print_text(json.dumps({**metrics, **differences_document(found)}, indent=2))
    else:
        _print_metrics(metrics)
    return DONE if found is None else _said(found)


def _verify(folder: Path, record: Record, options: Options) -> int:
    """Hold the run's record against all that can be computed once more."""
    metrics, findings = verify_run(folder, record, options.annotations)
    if options.json:
        found = None if metrics is None else metric_differences(record["metrics"], metrics)
        document = {**(metrics or {}), **differences_document(found)}
        print_text(json.dumps({**document, "verification": findings_document(findings)}, indent=2))
    else:
        if metrics is not None:
            _print_metrics(metrics)
        print_text(findings_text(findings))
    say(verdict(findings))
    return status_of(findings)


def _metrics(options: Options, record: Record | None) -> dict[str, Any]:
    """What the saved predictions come to."""
    file = options.path / PREDICTIONS if options.path.is_dir() else options.path
    predictions = read_predictions(file)
    stated = record["checksums"]["predictions"] if record is not None else None
    if is_done(record) and sha256_file(file) != stated:
        raise InputError(
            f"{file} is not what {file.with_name(RECORD_NAME)} was made from: it was changed. "
            "--verify says what else was."
        )
    annotations = _ground_truth(file, predictions, options)
    classes = options.classes
    if classes is None and record is not None:
        classes = recorded_classes(record)
    metrics = evaluate(
        annotations,
        predictions,
        classes=classes,
        verify=options.verify or _was_decided(record),
    )
    say_warnings(limits_of(annotations, predictions, classes))
    return metrics


def _was_decided(record: Record | None) -> bool:
    """Whether the record's numbers may be those of the second program."""
    if record is None or not record["metrics"]:
        return False
    verified = record["metrics"].get("verified")
    return isinstance(verified, Mapping) and "decision" in verified


def _tell_failure(path: Path, record: Record) -> None:
    """A failed run may have left predictions; they are evaluated if it is they that were named."""
    text = f"the run failed: {record['failure']['message']}"
    if path.is_dir():
        raise InputError(f"{path}: {text}")
    say(text)


def _said(differences: Sequence[Difference]) -> int:
    """Tell how a record's numbers differ from those of its predictions; the exit status."""
    if not differences:
        say("the record's numbers: the same")
        return DONE
    gap = largest_gap(differences)
    say("the record's numbers: OTHERS" + ("" if gap is None else f", by up to {gap:.3g}"))
    for one in differences[:_SHOWN]:
        say(f"  {one}")
    if len(differences) > _SHOWN:
        say(f"  and {len(differences) - _SHOWN} more: --verify names them all")
    return SOME_FAILED


def _run_folder(path: Path) -> Path | None:
    """The run's folder that a path names, or whose predictions it names; None without a record."""
    if path.is_dir():
        return path
    of_run = path.name == PREDICTIONS and path.with_name(RECORD_NAME).exists()
    return path.parent if of_run else None


def _ground_truth(file: Path, predictions: Predictions, options: Options) -> Path:
    """The annotation file to score against; refused if it is another than was predicted for."""
    made_for = predictions.annotations_sha256
    annotations = options.annotations or annotations_with(made_for, file.parent)
    if annotations is None:
        raise InputError(
            f"{file}: the annotation file {made_for[:12]}… that it was made for is not in the "
            "store of its run; name it: --annotations"
        )
    found = sha256_file(annotations)
    if found != made_for and not options.other_annotations:
        raise InputError(
            f"{file} holds predictions for annotations {made_for[:12]}…, and "
            f"{annotations} is {found[:12]}…. Name the file that they were made for, or, to score "
            "them against corrected annotations of the same images, say --other-annotations."
        )
    return annotations


def _record(folder: Path, *, whole: bool) -> Record:
    """The run's record; `whole`: refused if its checksum or key is not its content's."""
    path = folder / RECORD_NAME
    try:
        with placed(str(path)):
            return (decode_record if whole else parse_record)(path.read_bytes())
    except OSError as error:
        raise InputError(
            f"{folder} has no {RECORD_NAME}: {error.strerror}. Wanted the folder of a run that is "
            f"done, or a {PREDICTIONS}."
        ) from error


def _print_metrics(metrics: Mapping[str, Any]) -> None:
    print_text(f"{'':22}" + "".join(f"{name:>8}" for name in metrics["segm"]))
    for title, kind in (("masks", "segm"), ("boxes", "bbox"), ("masks, any class", "agnostic")):
        values = [metrics[kind].get(name) for name in metrics["segm"]]
        print_text(f"{title:22}" + "".join(f"{_number(value):>8}" for value in values))
    matched = metrics["matched"]
    found = f"{matched['found']} of {matched['instances']}"
    print_text(f"instances found at mask IoU 0.5, of any class: {found}")
    print_text(f"of these with the right class: {_number(matched['accuracy'])} %")
    for name, values in metrics["per_class"].items():
        print_text(
            f"  {name:20}  masks {_number(values['segm']):>6}  boxes {_number(values['bbox']):>6}"
        )
    print_text(f"by {metrics['tool']}")
    if metrics["verified"] is not None:
        verified = metrics["verified"]
        print_text(f"{verified['tool']}: largest difference {verified['largest_difference']:.3g}")
        if "decision" in verified:
            print_text(verified["decision"])


def _number(value: float | None) -> str:
    return "—" if value is None else f"{value:.2f}"
