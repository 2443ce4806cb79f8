"""`noisyseg evaluate`: a run's numbers from its saved predictions, once more."""

import argparse
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from noisyseg.bench.cli.arguments import add_json, names
from noisyseg.bench.cli.output import DONE, SOME_FAILED, print_text, say, say_warnings
from noisyseg.bench.runs.inputs import SHARED
from noisyseg.bench.runs.run import PREDICTIONS
from noisyseg.errors import InputError
from noisyseg.files import sha256_file
from noisyseg.results.evaluation.evaluation import evaluate
from noisyseg.results.evaluation.ground_truth import limits_of
from noisyseg.results.evaluation.predictions import Predictions, read_predictions
from noisyseg.results.evaluation.settings import TOLERANCE
from noisyseg.results.records.record import Record, decode_record
from noisyseg.results.records.store import RECORD_NAME

EXAMPLE = "noisyseg evaluate runs/shapes/ce/0123456789abcdef --verify"


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What is asked for.

    Attributes:
        path: a run's folder, or its predictions.
        annotations: the ground truth; None: the file in the run's store.
        other_annotations: whether they may be others than the predictions were made for.
        classes: those alone; None: the run's, or all.
        verify: whether pycocotools computes everything, too.
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
        "path", type=Path, metavar="PATH", help="a run's folder, or its predictions.json.zst"
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
        "--verify", action="store_true", help="compute everything by pycocotools, too"
    )
    add_json(parser)


def run(options: Options) -> int:
    """Evaluate a run's predictions, and compare with its record if it has one.

    Raises:
        InputError: predictions that cannot be read, or that are of other annotations.
    """
    path = options.path
    record = _record(path) if path.is_dir() else None
    file = path / PREDICTIONS if path.is_dir() else path
    predictions = read_predictions(file)
    if record is not None and sha256_file(file) != record["checksums"]["predictions"]:
        raise InputError(f"{file} is not what {path / RECORD_NAME} was made from: it was changed.")
    annotations = _ground_truth(file, predictions, options)
    classes = options.classes
    if classes is None and record is not None:
        classes = record["spec"]["data"]["classes"]
    metrics = evaluate(annotations, predictions, classes=classes, verify=options.verify)
    say_warnings(limits_of(annotations, predictions, classes))
    comparable = not options.other_annotations and options.classes is None
    gap = _gap(metrics, record) if record is not None and comparable else None
    if options.json:
        print_text(json.dumps({**metrics, "difference_from_record": gap}, indent=2))
    else:
        _print_metrics(metrics)
    if gap is None:
        return DONE
    same = gap <= 100 * TOLERANCE
    say(f"the record's numbers: {'the same' if same else f'OTHERS, by up to {gap:.3g}'}")
    return DONE if same else SOME_FAILED


def _ground_truth(file: Path, predictions: Predictions, options: Options) -> Path:
    """The annotation file to score against; refused if it is another than was predicted for."""
    made_for = predictions.annotations_sha256
    annotations = options.annotations or _annotations(options.path, made_for)
    found = sha256_file(annotations)
    if found != made_for and not options.other_annotations:
        raise InputError(
            f"{file} holds predictions for annotations {made_for[:12]}…, and "
            f"{annotations} is {found[:12]}…. Name the file that they were made for, or, to score "
            "them against corrected annotations of the same images, say --other-annotations."
        )
    return annotations


def _record(folder: Path) -> Record:
    try:
        record = decode_record((folder / RECORD_NAME).read_bytes())
    except OSError as error:
        raise InputError(
            f"{folder} has no {RECORD_NAME}: {error.strerror}. Wanted the folder of a run that is "
            f"done, or a {PREDICTIONS}."
        ) from error
    if record["status"] != "done":
        raise InputError(f"{folder}: the run failed: {record['failure']['message']}")
    return record


def _annotations(path: Path, checksum: str) -> Path:
    """The store's file with the checksum."""
    shared = path.resolve().parents[2] / SHARED if path.is_dir() else None
    for file in sorted(shared.rglob("*.json")) if shared is not None else ():
        if sha256_file(file) == checksum:
            return file
    raise InputError(
        f"{path}: the annotation file {checksum[:12]}… is not in its store; name it: --annotations"
    )


def _gap(metrics: Mapping[str, Any], record: Record) -> float:
    """The most that a number of the record differs by, in percent points."""
    pairs = [
        (metrics[kind][n], record["metrics"][kind][n])
        for kind in ("bbox", "segm")
        for n in metrics[kind]
    ]
    if any((ours is None) != (theirs is None) for ours, theirs in pairs):
        return float("inf")
    return max(abs(ours - theirs) for ours, theirs in pairs if ours is not None)


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
