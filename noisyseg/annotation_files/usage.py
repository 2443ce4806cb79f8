"""What of an annotation file training and evaluation leave out, and what they cannot learn from it.

mmdet leaves annotations out of training without a word (`CocoDataset.parse_data_info`), and COCO's
evaluation does not count crowds. N annotations.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from noisyseg.annotation_files.columns import Annotation, Columns, Flags, places
from noisyseg.annotation_files.findings import Finding, Level, image_name

MOST_DETECTIONS = 100
"""In an image: what COCO's evaluation counts of a class, and what the models here give in all."""

CROWDS, IGNORED = "crowds (iscrowd: 1)", "ignored (ignore: 1)"

_NAMED = 8  # classes in a message
_MANY_CROWDS = 0.1
_BRUSH = "some tools flag every brush mask: set iscrowd to 0 for what is one object"
_BOTH_OR_NONE = "set iscrowd: 1 to have them ignored in both, or take ignore away"
_NO_CLASS = (
    "leave a class that is none out (`classes` in a suite), such as an exporter's root or "
    "background class: noise would turn labels into it"
)
_NOTHING_TRAINED = (
    "nothing would be trained: set iscrowd and ignore to 0 for what is one object, give boxes as "
    "x, y, width, height in pixels of the image, or export the file again"
)
_NOTHING_SCORED = "nothing would be scored: set iscrowd to 0 for what is one object"
_TRAINING_ALONE = "left out of training, while COCO's evaluation counts them"


def usage_findings(columns: Columns, part: str | None = None) -> Iterator[Finding]:
    """What will be left out of a file, by reason, and what limits a score on it.

    Args:
        columns: of the run's classes and images alone, each annotation with an area.
        part: "train" or "eval"; None where a file's use is not known.
    """
    reasons = reasons_left_out(columns)
    if part == "eval":
        reasons = {CROWDS: columns.crowds}
        yield from _ignored_findings(columns)
    used = used_by(reasons, len(columns.boxes))
    yield from _left_out(reasons, used, part)
    yield from _class_findings(columns, used, part)
    yield from _bare_findings(columns, part)
    if part != "train":
        yield from _full_findings(columns)


def trained_annotations(columns: Columns) -> list[Annotation]:
    """Those that training does not leave out; each must have an area."""
    return [columns.annotations[place] for place in trained_places(columns)]


def trained_places(columns: Columns) -> list[int]:
    """Where the annotations are that training does not leave out; each must have an area."""
    return places(used_by(reasons_left_out(columns), len(columns.boxes)))


def unchosen_findings(
    document: dict[str, Any], classes: Sequence[str], policy: str
) -> Iterator[Finding]:
    """What a choice of classes leaves out of a file.

    Args:
        document: the whole file.
        classes: names of those that are chosen.
        policy: whether images with others are left out, too ("only-these-classes"), or not ("any").
    """
    names = {entry["id"]: entry["name"] for entry in document["categories"]}
    chosen = {number for number, name in names.items() if name in set(classes)}
    others = [e for e in document["annotations"] if e["category_id"] not in chosen]
    if not others:
        return
    counts = Counter(names[entry["category_id"]] for entry in others).most_common()
    named = ", ".join(f"{name!r} ({count})" for name, count in counts[:_NAMED])
    kind = f"{len(others)} of {len(document['annotations'])} annotations are of classes that are "
    kind += f"left out: {named}{', …' * (len(counts) > _NAMED)}"
    images = len({entry["image_id"] for entry in others})
    where = f"{images} of {len(document['images'])} images"
    kept = f"; {where} hold them and stay, so that what is found on them counts as wrong"
    gone = f"; {where} hold them and are left out"
    yield Finding(level=Level.WARNING, kind=kind + (kept if policy == "any" else gone), mend="")


def used_by(reasons: dict[str, Flags], count: int) -> Flags:
    """Which of so many annotations no reason leaves out, shape (N,)."""
    left_out = np.zeros(count, dtype=np.bool_)
    for chosen in reasons.values():
        left_out |= chosen
    return ~left_out


def _left_out(reasons: dict[str, Flags], used: Flags, part: str | None) -> Iterator[Finding]:
    total = len(used)
    if not total:
        yield Finding(level=Level.WARNING, kind="the file has no annotation", mend="")
    elif used.any():
        for name, left_out in reasons.items():
            if left_out.any():
                yield _left_out_for(name, int(left_out.sum()), total)
    else:
        counts = ", ".join(f"{int(f.sum())} {name}" for name, f in reasons.items() if f.any())
        yield Finding(
            level=Level.ERROR,
            kind=f"none of the {total} annotations of the run's classes can be used: {counts}",
            mend=_NOTHING_SCORED if part == "eval" else _NOTHING_TRAINED,
        )


def _ignored_findings(columns: Columns) -> Iterator[Finding]:
    ignored = columns.ignored & ~columns.crowds
    if ignored.any():
        yield Finding(
            level=Level.WARNING,
            kind=f"{int(ignored.sum())} of {len(ignored)} annotations are {IGNORED}, which COCO's "
            "evaluation takes no notice of: they are counted",
            mend=_BOTH_OR_NONE,
        )


def reasons_left_out(columns: Columns) -> dict[str, Flags]:
    """Which annotations training leaves out, shape (N,), by the first reason."""
    boxes = columns.boxes
    low = np.maximum(boxes[:, :2], 0)
    high = np.minimum(boxes[:, :2] + boxes[:, 2:], np.stack([columns.widths, columns.heights], 1))
    found = {
        IGNORED: columns.ignored,
        "smaller than a pixel": (boxes[:, 2:] < 1).any(axis=1),
        "outside of their image": (high - low <= 0).any(axis=1),
        "without an area": columns.areas == 0,
        CROWDS: columns.crowds,
    }
    before = np.zeros(len(boxes), dtype=np.bool_)
    for name, chosen in found.items():
        found[name] = chosen & ~before
        before |= chosen
    return found


def _left_out_for(name: str, count: int, total: int) -> Finding:
    those = f"{count} of {total} annotations are"
    if name == CROWDS:
        kind = f"{those} crowds and are left out (iscrowd: 1): not trained on, not scored, without "
        mend = _BRUSH if count > _MANY_CROWDS * total else ""
        return Finding(level=Level.WARNING, kind=f"{kind}noise", mend=mend)
    mend = _BOTH_OR_NONE if name == IGNORED else ""
    return Finding(level=Level.WARNING, kind=f"{those} {name}: {_TRAINING_ALONE}", mend=mend)


def _class_findings(columns: Columns, used: Flags, part: str | None) -> Iterator[Finding]:
    places_used = np.unique(columns.class_of[used & (columns.class_of >= 0)]).tolist()
    present = {columns.categories[place]["id"] for place in places_used}
    absent = [entry["name"] for entry in columns.categories if entry["id"] not in present]
    if absent and used.any():
        named = ", ".join(map(repr, absent[:_NAMED])) + ", …" * (len(absent) > _NAMED)
        count = f"{len(absent)} of {len(columns.categories)} classes"
        scored = "; AP is the mean over the others" if part == "eval" else ""
        yield Finding(
            level=Level.WARNING,
            kind=f"{count} have no annotation that can be used: {named}{scored}",
            mend="" if part == "eval" else _NO_CLASS,
        )


def _bare_findings(columns: Columns, part: str | None) -> Iterator[Finding]:
    count = len(columns.images)
    bare = count - len(np.unique(columns.image_of))
    if bare:
        kind = f"{bare} of {count} images have no annotation of the run's classes"
        kind += "" if part == "eval" else ": training leaves them out"
        kind += "" if part == "train" else ": what is found in them counts as wrong in evaluation"
        yield Finding(level=Level.WARNING, kind=kind, mend="")


def _full_findings(columns: Columns) -> Iterator[Finding]:
    objects = np.bincount(columns.image_of[~columns.crowds], minlength=len(columns.images))
    full = int((objects > MOST_DETECTIONS).sum())
    if full:
        fullest = columns.images[int(objects.argmax())]
        yield Finding(
            level=Level.WARNING,
            kind=f"{full} of {len(columns.images)} images have more than {MOST_DETECTIONS} "
            f"objects, at most {int(objects.max())} in {image_name(fullest)}: COCO's evaluation "
            f"counts {MOST_DETECTIONS} detections of an image and class (agnostic: in all), and "
            f"the models here give no more than {MOST_DETECTIONS} an image, which keeps AP down",
            mend="",
        )
