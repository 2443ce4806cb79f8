"""Runs whose detections are those of another run: copied, not trained.

Two trainings with other seeds find the same objects, but hardly a box of one lies within a pixel of
a box of the other: of the 300 surest detections at most 14 % did in any two of 60 trained runs of
`quick`, 3 % in any two of 75 of `small`, and all of a copy's do, whatever was done to its scores.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from noisyseg.bench.leaderboard.checks.check import Check, held
from noisyseg.files import canonical_json, sha256_bytes
from noisyseg.results.evaluation.predictions import Predictions

NEARLY = 0.5
"""Share of the one run's surest detections that lie in the other, from which it is a copy."""
_PIXELS, _OF_SIZE = 1.0, 0.05
"""What a side of a box may lie off: a pixel, and of small boxes less, by the root of their area."""
_SUREST = 300
_FEWEST = 20
"""Detections of a run of which a share says something."""
_APART = 1e7
"""Between two images, in pixels: more than a box is off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Detected:
    """What a run found, to be compared with another's.

    Attributes:
        digest: of all detections, whatever their order.
        boxes: image's place and box, shape (N, 5), by falling score.
        tree: of the same.
    """

    digest: str
    boxes: NDArray[np.float64]
    tree: Any


def detected(predictions: Predictions) -> Detected:
    """A run's predictions, to be compared."""
    found = sorted(predictions.detections, key=lambda entry: -entry["score"])
    places = {image: place for place, image in enumerate(sorted(predictions.image_ids))}
    rows = [[_APART * places[one["image_id"]], *one["bbox"]] for one in found]
    boxes = np.array(rows, dtype=np.float64).reshape(len(rows), 5)
    whole = sorted(canonical_json(one) for one in found)
    return Detected(digest=sha256_bytes(b"\n".join(whole)), boxes=boxes, tree=cKDTree(boxes))


def likeness(one: Detected, other: Detected) -> float:
    """The share of detections of one that lie in the other, 1 if all are equal.

    The greater of both directions: a copy may have lost some. 0 where there are too few to say.
    """
    if len(one.boxes) and one.digest == other.digest:
        return 1.0
    if min(len(one.boxes), len(other.boxes)) < _FEWEST:
        return 0.0
    return max(_share(one, other), _share(other, one))


def check_copies(
    runs: Mapping[str, Detected], trainings: Mapping[str, tuple[str | None, int]]
) -> list[Check]:
    """Hold every two runs of a bundle against each other.

    Args:
        runs: key → what it found.
        trainings: key → checksum of the noisy annotations and train seed: two runs that have both
            alike are one training, whose results are equal.
    """
    copied = {}
    for one, other in combinations(runs, 2):
        if trainings.get(one) is not None and trainings.get(one) == trainings.get(other):
            continue
        share = likeness(runs[one], runs[other])
        if share >= NEARLY:
            copied[other] = f"{_said(share)} of run {one}: one run copied from another"
    what = "no run's detections are those of another run of the bundle"
    if not copied:
        return [held("copies.own", what, None)]
    return [held("copies.own", what, problem, key) for key, problem in copied.items()]


def copy_remarks(
    runs: Mapping[str, Detected], published: Mapping[tuple[str, str], Detected]
) -> list[Check]:
    """Say which runs are those of published entries.

    Args:
        runs: key → what it found.
        published: entry's id and key → what that run found.
    """
    remarks = []
    for key, own in runs.items():
        for (entry, other), theirs in published.items():
            share = likeness(own, theirs)
            if share >= NEARLY:
                text = f"the detections are {_said(share)} of run {other} of the entry {entry}"
                remarks.append(Check(id="copies.published", state="remark", what=text, run=key))
    return remarks


def same_file_remarks(
    runs: Mapping[str, str], published: Mapping[str, tuple[str, str]]
) -> list[Check]:
    """Say which runs have the very file of predictions of a published one.

    Args:
        runs: key → SHA-256 of its predictions.
        published: SHA-256 → entry's id and key.
    """
    return [
        Check(
            id="copies.published",
            state="remark",
            what="the detections are those of run {1} of the entry {0}".format(*published[sha256]),
            run=key,
        )
        for key, sha256 in runs.items()
        if sha256 in published
    ]


def _share(one: Detected, other: Detected) -> float:
    surest = one.boxes[:_SUREST]
    distances, _ = other.tree.query(surest, p=np.inf, distance_upper_bound=_PIXELS)
    near = _OF_SIZE * np.sqrt(surest[:, 3] * surest[:, 4])
    return float((distances <= np.minimum(_PIXELS, near)).mean())


def _said(share: float) -> str:
    return "those" if share == 1 else f"nearly ({100 * share:.0f} %) those"
