"""Runs whose detections are those of another run: copied, not trained.

Two trainings with other seeds find the same objects, but hardly a box of one lies within a pixel of
a box of the other, and their masks differ. In pairs of trained runs of `quick` at most 14 % of the
300 surest boxes did, 5 % of their masks' own boxes, and no two masks were equal; of `small` 3 %,
2 % and none; of all detections fewer. All of a copy's do, whatever was done to its scores. A copy
may be changed where one looks, so that boxes and masks, the surest detections and all are compared.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from noisyseg.bench.leaderboard.checks.check import Check, held
from noisyseg.files import canonical_json, sha256_bytes
from noisyseg.results.evaluation.predictions import Detection, Predictions
from noisyseg.run_length import pixels_described

NEARLY = 0.5
"""Share of the one run's detections that lie in the other, from which it is a copy."""
_PIXELS, _OF_SIZE = 1.0, 0.05
"""What a side of a box may lie off: a pixel, and of small boxes less, by the root of their area."""
_SUREST = 300
_ANY = 1000
"""Of all detections, as many are looked for in the other run."""
_IMAGES = 300
"""Images, evenly among all, in which the masks' own boxes are compared: they take long to make."""
_FEWEST = 20
"""Detections of a run of which a share says something."""
_APART = 1e7
"""Between two images, in pixels: more than a box is off."""

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Chosen = tuple[Integers, Integers]


@dataclass(frozen=True, slots=True, kw_only=True)
class Detected:
    """What a run found, to be compared with another's.

    Attributes:
        digest: of all detections, whatever their order; empty where they are not few.
        chosen: of the boxes and of the masks' boxes, places of the surest, and of some of all.
        boxes: image's place and box, shape (N, 5), by falling score.
        mask_boxes: the same of the masks themselves, in some images.
        trees: of both.
        masks: a number for each image and mask, shape (N,).
    """

    digest: str
    chosen: tuple[Chosen, Chosen]
    boxes: Floats
    mask_boxes: Floats
    trees: tuple[Any, Any]
    masks: Integers


def detected(predictions: Predictions) -> Detected:
    """A run's predictions, to be compared; equal ones in this process alone."""
    found = sorted(predictions.detections, key=lambda entry: -entry["score"])
    places = {image: place for place, image in enumerate(sorted(predictions.image_ids))}
    images = np.array([places[one["image_id"]] for one in found], dtype=np.int64)
    sides = [side for one in found for side in one["bbox"]]
    given = np.array(sides, dtype=np.float64).reshape(-1, 4)
    some = np.flatnonzero(images % -(-len(places) // _IMAGES) == 0) if len(found) else images
    masks = [hash((one["image_id"], one["segmentation"]["counts"])) for one in found]
    boxes = np.hstack([_APART * images[:, np.newaxis], given])
    mask_boxes = np.hstack([boxes[some, :1], _mask_boxes([found[n] for n in some], given[some])])
    whole = sorted(canonical_json(one) for one in found) if len(found) < _FEWEST else []
    return Detected(
        digest=sha256_bytes(b"\n".join(whole)) if whole else "",
        chosen=(_chosen(boxes), _chosen(mask_boxes)),
        boxes=boxes,
        mask_boxes=mask_boxes,
        trees=(_tree(boxes), _tree(mask_boxes)),
        masks=np.array(masks, dtype=np.int64),
    )


def likeness(one: Detected, other: Detected) -> float:
    """The share of detections of one that lie in the other, 1 if all are equal.

    The greatest of both directions, of boxes and masks, of the surest detections and of all: a copy
    may have lost or gained some. 0 where there are too few to say.
    """
    if one.digest and one.digest == other.digest:
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
    (own, masks), (others, other_masks) = one.chosen, other.trees
    return max(
        *(_near(one.boxes[places], others) for places in own),
        *(_near(one.mask_boxes[places], other_masks) for places in masks),
        *(float(np.isin(one.masks[places], other.masks).mean()) for places in own),
    )


def _near(boxes: Floats, tree: Any) -> float:
    distances, _ = tree.query(boxes, p=np.inf, distance_upper_bound=_PIXELS)
    near = _OF_SIZE * np.sqrt(boxes[:, 3]) * np.sqrt(boxes[:, 4])  # a product could overflow
    return float((distances <= np.minimum(_PIXELS, near)).mean())


def _tree(boxes: Floats) -> Any:
    return cKDTree(boxes, balanced_tree=False, compact_nodes=False)


def _chosen(boxes: Floats) -> Chosen:
    """The surest, and some of all: which ones hangs on what is there, so none can be left as is."""
    every: Integers = np.arange(len(boxes))
    if len(every) > _ANY:
        seed = int(sha256_bytes(boxes.tobytes())[:16], 16)
        every = np.random.default_rng(seed).choice(every, _ANY, replace=False)
    return np.arange(min(_SUREST, len(boxes))), every


def _mask_boxes(found: Sequence[Detection], given: Floats) -> Floats:
    """The masks' own boxes, shape (N, 4); of an empty or a damaged mask, the one that is given."""
    from pycocotools import mask as coco_mask

    masks = [one["segmentation"] for one in found]
    covered = pixels_described([mask["counts"] for mask in masks]).tolist()
    sound = [
        place
        for place, (mask, pixels) in enumerate(zip(masks, covered, strict=True))
        if min(mask["size"]) > 0 and mask["size"][0] * mask["size"][1] == pixels
    ]
    boxes = np.zeros_like(given)
    if sound:
        boxes[sound] = coco_mask.toBbox(
            [{**masks[place], "counts": masks[place]["counts"].encode()} for place in sound]
        )
    return np.where(boxes[:, 2:3] * boxes[:, 3:] > 0, boxes, given)


def _said(share: float) -> str:
    return "those" if share == 1 else f"nearly ({100 * share:.0f} %) those"
