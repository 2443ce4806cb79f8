"""Detections of other code, in COCO's results format, as a bundle whose training is unknown."""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

import noisyseg
from noisyseg.bench.leaderboard.bundle import Written, suite_contents, write_archive
from noisyseg.bench.leaderboard.checks.claims import summaries
from noisyseg.bench.leaderboard.checks.installed import Cell, Installed
from noisyseg.bench.leaderboard.checks.run_checks import imported_key
from noisyseg.bench.leaderboard.contents import (
    CARD,
    FORMAT,
    SUITE,
    Contents,
    FileEntry,
    RunEntry,
    SuiteContents,
    encode,
    member,
)
from noisyseg.bench.leaderboard.zip_writing import packed
from noisyseg.bench.runs.run import PREDICTIONS
from noisyseg.errors import InputError, placed, unknown_name
from noisyseg.files import sha256_file
from noisyseg.mask_overlap import as_text, run_lengths
from noisyseg.methods.registry import TAKEN
from noisyseg.results.evaluation.evaluation import evaluate
from noisyseg.results.evaluation.ground_truth import read_ground_truth
from noisyseg.results.evaluation.predictions import read_predictions, write_predictions
from noisyseg.results.leaderboard.card import Card, encode_card

_WANTED = ("image_id", "category_id", "score", "segmentation")


def write_imported(
    path: Path, results: Sequence[Path], *, card: Card, label: str, installed: Installed
) -> Written:
    """Write the bundle of results of one noise setting, a training's each.

    Args:
        path: the bundle's.
        results: COCO results of instance segmentation, on the suite's evaluation images.
        card: of the method.
        label: of the noise setting that it was trained on, as the submitter says.
        installed: suite and data.

    Raises:
        InputError: no such setting, a method of the suite's own name, or results that are not of
            the evaluation's images and classes.
    """
    suite = installed.suite
    if label not in installed.settings:
        raise unknown_name(f"noise setting of suite {suite.name}", label, installed.settings)
    if card["method"] in (*suite.methods, *TAKEN):
        raise InputError(
            f"the card's method {card['method']!r} is one of the suite's own or of noisyseg's, "
            "which noisyseg trains: give what was trained elsewhere another label."
        )
    with tempfile.TemporaryDirectory(prefix="noisyseg-import-") as work:
        return _written(path, results, card, label, installed, Path(work))


def _written(
    path: Path,
    results: Sequence[Path],
    card: Card,
    label: str,
    installed: Installed,
    work: Path,
) -> Written:
    assert installed.eval_file is not None
    stated = _suite_contents(card, label, installed)
    files = [packed(CARD, encode_card(card)), packed(SUITE, encode(stated))]
    runs, metrics = [], []
    for number, source in enumerate(results):
        file = work / f"{number}.zst"
        with placed(str(source)):
            sha256 = write_coco_results(file, _parsed(source), installed.eval_file)
            predictions = read_predictions(file)
            classes = installed.common["data"]["classes"]
            metrics.append(evaluate(installed.eval_file, predictions, classes=classes))
        key = imported_key(installed.suite.name, Cell(label, None, number), sha256)
        runs.append(RunEntry(key=key, noise=label, noise_seed=None, train_seed=number))
        files.append(packed(member(key, PREDICTIONS), file))
    contents = Contents(
        format=FORMAT,
        noisyseg=noisyseg.__version__,
        suite=installed.suite.name,
        method=card["method"],
        kind="imported",
        runs=runs,
        claims={label: summaries(metrics)},
        files={file.name: FileEntry(sha256=file.sha256, bytes=file.size) for file in files},
    )
    return write_archive(path, contents, files)


def write_coco_results(path: Path, results: Any, annotations: Path) -> str:
    """Write COCO results as a run's predictions are written; returns the file's SHA-256.

    Args:
        path: the file of predictions.
        results: a list of {image_id, category_id, score, segmentation}; masks as polygons or run
            lengths, compressed or not. Boxes are the masks' own, whatever the list says.
        annotations: evaluated on; every image of it counts as looked at.

    Raises:
        InputError: something else, or an image that the annotations lack.
    """
    if not isinstance(results, list):
        raise InputError(
            "wanted COCO results, a list of {image_id, category_id, score, segmentation}, got "
            f"{repr(results)[:60]}"
        )
    images = {image["id"]: image for image in read_ground_truth(annotations)["images"]}
    found = [_detection(entry, f"result {number}", images) for number, entry in enumerate(results)]
    return write_predictions(
        path,
        found,
        image_ids=sorted(images),
        annotation_sha256=sha256_file(annotations),
    )


def _parsed(source: Path) -> Any:
    try:
        return orjson.loads(source.read_bytes())
    except OSError as error:
        raise InputError(f"cannot read it: {error.strerror}") from error
    except orjson.JSONDecodeError as error:
        raise InputError(f"not valid JSON: {error}") from error


def _detection(entry: Any, where: str, images: Mapping[int, Mapping[str, Any]]) -> dict[str, Any]:
    from pycocotools import mask as coco_mask

    if not isinstance(entry, dict) or any(key not in entry for key in _WANTED):
        raise InputError(
            f"{where}: wanted {', '.join(_WANTED)}, got {repr(entry)[:80]}. Results of boxes alone "
            "cannot be evaluated as masks"
        )
    image = images.get(entry["image_id"]) if isinstance(entry["image_id"], int) else None
    if image is None:
        raise InputError(
            f"{where}: image {entry['image_id']!r} is not one of the evaluation's {len(images)}: "
            "ids are those of its annotation file"
        )
    mask = run_lengths(
        {"id": where, "segmentation": entry["segmentation"]}, image["height"], image["width"]
    )
    return {
        "image_id": entry["image_id"],
        "category_id": entry["category_id"],
        "score": entry["score"],
        "bbox": [float(side) for side in coco_mask.toBbox(mask)],
        "segmentation": as_text(mask),
    }


def _suite_contents(card: Card, label: str, installed: Installed) -> SuiteContents:
    steps = installed.settings[label]
    noise = None if steps is None else {"steps": [step.resolved() for step in steps]}
    method = {"name": card["method"], "parameters": dict(card["parameters"])}
    return suite_contents(installed.suite, installed.common, {label: noise}, method)
