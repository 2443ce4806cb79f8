"""From a data set to the annotation files that a run reads: classes first, noise second.

A run's K classes are chosen before noise is applied: flipping an annotation into a class that is
not trained would turn class noise into a missing label, since mmdet drops it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from noisyseg.bench.datasets.source import DataSource
from noisyseg.bench.datasets.split import Split
from noisyseg.errors import InputError
from noisyseg.files import canonical_json, sha256_bytes, write_atomically
from noisyseg.noise.annotations import encode_annotations, parse_annotations, read_bytes

VERSION = 2


@dataclass(kw_only=True, slots=True, frozen=True)
class CheckedData:
    """A data set that can be trained on, and what its prepared files will hold.

    Attributes:
        classes: the run's classes in order.
        resolved: what enters the run key.
        contents: the bytes of the files of `train` and `eval`.
        train_sides: the shorter side, in pixels, of every training image with an annotation.
        eval_images: how many there are.
    """

    source: DataSource
    classes: list[str]
    resolved: dict[str, Any]
    contents: dict[str, bytes]
    train_sides: list[int]
    eval_images: int

    def file(self, split: str, folder: Path) -> Path:
        """Where `write_prepared` puts the file of `train` or `eval`: below folder, by content."""
        return folder / sha256_bytes(canonical_json(self.resolved))[:16] / f"{split}.json"


def check_data(source: DataSource) -> CheckedData:
    """Read a data set with every check that needs no training; write nothing.

    Raises:
        InputError: an unusable annotation file, a class it lacks, an annotation without a mask,
            absent images, no annotation left.
    """
    sums: dict[str, str] = {}
    documents: dict[str, dict[str, Any]] = {}
    for name, split in _splits(source):
        data = read_bytes(split.annotations)
        sums[name] = sha256_bytes(data)
        documents[name] = parse_annotations(data, str(split.annotations))
    classes = source.classes or [entry["name"] for entry in documents["train"]["categories"]]
    resolved = {
        "name": source.name,
        "version": VERSION,
        "train_sha256": sums["train"],
        "eval_sha256": sums["eval"],
        "classes": classes,
        "images": source.policy,
        "limit": {name: split.limit for name, split in _splits(source)},
    }
    contents: dict[str, bytes] = {}
    sides: dict[str, list[int]] = {}
    counts: dict[str, int] = {}
    for name, split in _splits(source):
        document = select(documents.pop(name), classes, split=split, policy=source.policy)
        check_masks(document, split)
        check_trainable(document, split)
        check_images(document, split)
        contents[name] = encode_annotations(document)
        sides[name], counts[name] = _sides(document), len(document["images"])
    return CheckedData(
        source=source,
        classes=classes,
        resolved=resolved,
        contents=contents,
        train_sides=sides["train"],
        eval_images=counts["eval"],
    )


def _sides(document: dict[str, Any]) -> list[int]:
    """The shorter side of every image that mmdet would keep for its annotations."""
    annotated = {annotation["image_id"] for annotation in document["annotations"]}
    return [
        min(image["width"], image["height"])
        for image in document["images"]
        if image["id"] in annotated
    ]


def write_prepared(data: CheckedData, folder: Path) -> None:
    """Write the prepared files below folder, unless they are there.

    Raises:
        InputError: the folder cannot be written to.
    """
    for name, content in data.contents.items():
        path = data.file(name, folder)
        if not path.is_file() or path.read_bytes() != content:
            write_atomically(path, content)


def _splits(source: DataSource) -> tuple[tuple[str, Split], ...]:
    return ("train", source.train), ("eval", source.eval)


def select(
    document: dict[str, Any], classes: Sequence[str], *, split: Split, policy: str
) -> dict[str, Any]:
    """A copy of document with the given classes alone, as its categories, in their order.

    Raises:
        InputError: a class that document lacks, or nothing left.
    """
    by_name = {entry["name"]: entry for entry in document["categories"]}
    for name in classes:
        if name not in by_name:
            near = get_close_matches(name, by_name, n=1, cutoff=0.5)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise InputError(
                f"{split.annotations} has no category {name!r}.{hint} It has "
                f"{len(by_name)}: {', '.join(list(by_name)[:12])}{', …' * (len(by_name) > 12)}."
            )
    categories = [by_name[name] for name in classes]
    chosen = {entry["id"] for entry in categories}
    others = {
        annotation["image_id"]
        for annotation in document["annotations"]
        if annotation["category_id"] not in chosen
    }
    images = [image for image in document["images"] if policy == "any" or image["id"] not in others]
    if split.limit is not None:
        images = spread(images, split.limit)
    kept = {image["id"] for image in images}
    annotations = [
        annotation
        for annotation in document["annotations"]
        if annotation["category_id"] in chosen and annotation["image_id"] in kept
    ]
    if not annotations:
        raise InputError(
            f"{split.annotations}: no annotation of the run's {len(classes)} classes is left in "
            f"{len(images)} images (images: {policy}, limit: {split.limit})."
        )
    return {**document, "images": images, "annotations": annotations, "categories": categories}


def spread(entries: Sequence[Any], limit: int) -> list[Any]:
    """At most limit of entries, evenly spaced: a sorted file begins with a few classes alone."""
    count = min(limit, len(entries))
    return [entries[position * len(entries) // count] for position in range(count)]


def check_masks(document: dict[str, Any], split: Split) -> None:
    """Refuse annotations that training or evaluation would stumble over: no usable mask, no area.

    Raises:
        InputError: names the first of them.
    """
    annotations = document["annotations"]
    bare = [entry["id"] for entry in annotations if not _is_mask(entry.get("segmentation"))]
    if bare:
        raise InputError(
            f"{len(bare)} of {len(annotations)} annotations in {split.annotations} "
            f"have no segmentation (polygons of at least 3 points, or RLE): {_first(bare)}. Leave "
            "them out or export the file with its masks."
        )
    sizeless = [entry["id"] for entry in annotations if not _is_number(entry.get("area"))]
    if sizeless:
        raise InputError(
            f"{len(sizeless)} of {len(annotations)} annotations in {split.annotations} have no "
            f"area, a number of pixels: {_first(sizeless)}. Export the file with areas."
        )


def check_trainable(document: dict[str, Any], split: Split) -> None:
    """Refuse a file of which mmdet would use no annotation at all.

    Raises:
        InputError: every annotation is a crowd, has no area, or a box under a pixel wide or high.
    """
    if not any(_is_used(annotation) for annotation in document["annotations"]):
        raise InputError(
            f"{split.annotations}: none of the {len(document['annotations'])} annotations of the "
            "run's classes can be used: each is a crowd, has no area, or has a box of less than "
            "one pixel."
        )


def _is_used(annotation: dict[str, Any]) -> bool:
    _, _, width, height = annotation["bbox"]
    whole = not annotation.get("iscrowd") and annotation["area"] > 0
    return bool(whole and width >= 1 and height >= 1)


def _is_mask(mask: Any) -> bool:
    """A list of polygons [x1, y1, x2, y2, …], or RLE with its size and counts."""
    if isinstance(mask, dict):
        return isinstance(mask.get("size"), list) and isinstance(mask.get("counts"), str | list)
    return isinstance(mask, list) and bool(mask) and all(_is_polygon(entry) for entry in mask)


def _is_polygon(points: Any) -> bool:
    whole = isinstance(points, list) and len(points) >= 6 and len(points) % 2 == 0
    return whole and all(_is_number(value) for value in points)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def check_images(document: dict[str, Any], split: Split) -> None:
    """Refuse annotation files whose images are not there, before anything trains.

    Raises:
        InputError: names the first absent images, or a file name that leaves the images' folder.
    """
    absent = []
    for image in document["images"]:
        name = Path(image["file_name"])
        if ".." in name.parts or name.is_absolute():
            raise InputError(
                f"{split.annotations}: the file name {image['file_name']!r} leaves the images' "
                f"folder {split.images}."
            )
        if not _is_file(split.images / name):
            absent.append(image["file_name"])
    if absent:
        raise InputError(
            f"{len(absent)} of {len(document['images'])} images named in {split.annotations} are "
            f"not in {split.images}: {_first(absent)}."
        )


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name too long for a file, a folder that may not be entered
        return False


def _first(entries: Sequence[object]) -> str:
    return ", ".join(f"{entry!r}" for entry in entries[:3]) + ", …" * (len(entries) > 3)
