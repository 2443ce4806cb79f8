"""What of an annotation file training and evaluation leave out, and what they cannot learn from it.

mmdet leaves annotations out of training without a word (`CocoDataset.parse_data_info`), and COCO's
evaluation does not count crowds. N annotations.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from noisyseg.annotation_files.findings import Finding, Level, image_name
from noisyseg.annotation_files.shapes import boxes_of

MOST_DETECTIONS = 100
"""In an image: what COCO's evaluation counts of a class, and what the models here give in all."""

CROWDS, IGNORED = "crowds (iscrowd: 1)", "ignored (ignore: 1)"

Annotation = dict[str, Any]
Flags = NDArray[np.bool_]

_NAMED = 8  # classes in a message
_MANY_CROWDS = 0.1
_BRUSH = "some tools flag every brush mask: set iscrowd to 0 for what is one object"
_BOTH_OR_NONE = "set iscrowd: 1 to have them ignored in both, or take ignore away"
_NO_CLASS = (
    "leave a class that is none out (`classes` in a suite), such as an exporter's root or "
    "background class: noise would turn labels into it"
)
_TRAINING_ALONE = "left out of training, while COCO's evaluation counts them"


def usage_findings(document: dict[str, Any], part: str | None = None) -> Iterator[Finding]:
    """What will be left out of a file, by reason, and what limits a score on it.

    Args:
        document: whose annotations have passed `shape_findings`, with the run's classes alone.
        part: "train" or "eval"; None where a file's use is not known.
    """
    annotations = document["annotations"]
    reasons = reasons_left_out(document)
    used = ~np.any(list(reasons.values()), axis=0) if annotations else np.zeros(0, dtype=np.bool_)
    total = len(annotations)
    if total and not used.any():
        counts = ", ".join(f"{int(f.sum())} {name}" for name, f in reasons.items() if f.any())
        yield Finding(
            level=Level.ERROR,
            kind=f"none of the {total} annotations of the run's classes can be used: {counts}",
            mend="nothing would be trained: set iscrowd and ignore to 0 for what is one object, "
            "give boxes as x, y, width, height in pixels of the image, or export the file again",
        )
    else:
        for name, left_out in reasons.items():
            if left_out.any():
                yield _left_out(name, int(left_out.sum()), total)
    yield from _class_findings(document, used, part)
    yield from _bare_findings(document, part)
    if part != "train":
        yield from _full_findings(document)


def reasons_left_out(document: dict[str, Any]) -> dict[str, Flags]:
    """Which annotations training leaves out, shape (N,), by the first reason that mmdet has."""
    entries: Sequence[Annotation] = document["annotations"]
    sides = {image["id"]: (image["width"], image["height"]) for image in document["images"]}
    boxes = boxes_of(entries)
    own = chain.from_iterable([sides[entry["image_id"]] for entry in entries])
    sizes = np.fromiter(own, np.float64, 2 * len(entries)).reshape(-1, 2)
    low = np.maximum(boxes[:, :2], 0)
    high = np.minimum(boxes[:, :2] + boxes[:, 2:], sizes)
    found = {
        IGNORED: np.array([bool(entry.get("ignore", False)) for entry in entries], np.bool_),
        "outside of their image": (high - low <= 0).any(axis=1),
        "without an area": np.array([entry["area"] for entry in entries], dtype=np.float64) <= 0,
        "smaller than a pixel": (boxes[:, 2:] < 1).any(axis=1),
        CROWDS: np.array([bool(entry.get("iscrowd", 0)) for entry in entries], np.bool_),
    }
    before = np.zeros(len(entries), dtype=np.bool_)
    for name, flags in found.items():
        found[name] = flags & ~before
        before |= flags
    return found


def _left_out(name: str, count: int, total: int) -> Finding:
    those = f"{count} of {total} annotations are {name}"
    if name == CROWDS:
        return Finding(
            level=Level.WARNING,
            kind=f"{count} of {total} annotations are crowds and are left out (iscrowd: 1): not "
            "trained on, not scored, without noise",
            mend=_BRUSH if count > _MANY_CROWDS * total else "",
        )
    if name == IGNORED:
        return Finding(
            level=Level.WARNING,
            kind=f"{those}: {_TRAINING_ALONE}",
            mend=_BOTH_OR_NONE,
        )
    return Finding(level=Level.WARNING, kind=f"{those}: {_TRAINING_ALONE}", mend="")


def _class_findings(document: dict[str, Any], used: Flags, part: str | None) -> Iterator[Finding]:
    entries = document["annotations"]
    present = {entries[place]["category_id"] for place in np.flatnonzero(used).tolist()}
    absent = [entry["name"] for entry in document["categories"] if entry["id"] not in present]
    if absent and used.any():
        named = ", ".join(map(repr, absent[:_NAMED])) + ", …" * (len(absent) > _NAMED)
        count = f"{len(absent)} of {len(document['categories'])} classes"
        scored = "; AP is the mean over the others" if part == "eval" else ""
        yield Finding(
            level=Level.WARNING,
            kind=f"{count} have no annotation that can be used: {named}{scored}",
            mend="" if part == "eval" else _NO_CLASS,
        )


def _bare_findings(document: dict[str, Any], part: str | None) -> Iterator[Finding]:
    images = document["images"]
    annotated = {entry["image_id"] for entry in document["annotations"]}
    bare = sum(image["id"] not in annotated for image in images)
    if bare:
        kind = f"{bare} of {len(images)} images have no annotation of the run's classes"
        kind += "" if part == "eval" else ": training leaves them out"
        kind += "" if part == "train" else ": what is found in them counts as wrong in evaluation"
        yield Finding(level=Level.WARNING, kind=kind, mend="")


def _full_findings(document: dict[str, Any]) -> Iterator[Finding]:
    images = document["images"]
    objects = Counter(
        [entry["image_id"] for entry in document["annotations"] if not entry.get("iscrowd", 0)]
    )
    full = [image for image in images if objects[image["id"]] > MOST_DETECTIONS]
    if full:
        fullest = max(full, key=lambda image: objects[image["id"]])
        yield Finding(
            level=Level.WARNING,
            kind=f"{len(full)} of {len(images)} images have more than {MOST_DETECTIONS} objects, "
            f"at most {objects[fullest['id']]} in {image_name(fullest)}: no more than "
            f"{MOST_DETECTIONS} detections of an image count, which keeps AP below 100",
            mend="",
        )
