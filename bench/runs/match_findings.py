"""A run's file of matches, held against those that its predictions give: compare believes it."""

from pathlib import Path

import numpy as np

from noisyseg.bench.runs.run import MATCHES, PREDICTIONS
from noisyseg.errors import InputError
from noisyseg.files import sha256_file
from noisyseg.results.evaluation.evaluation import mask_matches
from noisyseg.results.evaluation.image_matches import ClassMatches
from noisyseg.results.evaluation.matches_file import matched_of, read_matches
from noisyseg.results.evaluation.predictions import Predictions
from noisyseg.results.evaluation.settings import EVALUATION
from noisyseg.results.evaluation.verification import Findings


def check_matches(
    folder: Path,
    annotations: Path,
    predictions: Predictions,
    *,
    classes: list[str],
    tool: str,
    findings: Findings,
) -> None:
    """Hold every match in a run's file against the annotations and the predictions.

    Args:
        folder: the run's.
        annotations: evaluated on.
        predictions: the run's.
        classes: the run's.
        tool: whose numbers are believed.
        findings: added to.

    Raises:
        InputError: as `evaluate`.
    """
    try:
        stored = read_matches(folder / MATCHES)
    except InputError as error:
        changed = any(one.path == "checksums.matches" for one in findings.differences)
        if changed or isinstance(error.__cause__, OSError):
            findings.unchecked.append(f"matches: {error}")
        else:  # it is what the record says, and no run left it so
            findings.hold("matches", "a file of matches", str(error), MATCHES)
        return
    of_predictions, rules = matched_of(folder / MATCHES)
    found = sha256_file(folder / PREDICTIONS)
    findings.hold("matches.predictions_sha256", of_predictions, found, PREDICTIONS)
    findings.hold("matches.evaluation", rules, EVALUATION["version"], "this noisyseg's")
    made = mask_matches(annotations, predictions, classes=classes, tool=tool)
    findings.hold("matches.image_ids", stored.image_ids, made.image_ids)
    findings.hold("matches.classes", len(stored.classes), len(made.classes))
    for number, (one, other) in enumerate(zip(stored.classes, made.classes, strict=False)):
        if not _is_same(one, other):
            findings.hold(f"matches.classes[{number}]", _said(one), f"{_said(other)}, others")


def _is_same(one: ClassMatches, other: ClassMatches) -> bool:
    return all(
        np.array_equal(getattr(one, name), getattr(other, name))
        for name in ("image", "right", "counts", "instances")
    )


def _said(matches: ClassMatches) -> str:
    return (
        f"{int(matches.right.sum())} hits of {matches.right.size}, "
        f"{int(matches.instances.sum())} instances"
    )
