"""From a data set to the annotation files that a run reads: classes first, noise second.

A run's K classes are chosen before noise is applied: flipping an annotation into a class that is
not trained would turn class noise into a missing label, since mmdet drops it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from noisyseg.bench.datasets.source import DataSource, Split
from noisyseg.errors import InputError
from noisyseg.files import canonical_json, sha256_bytes, write_atomically
from noisyseg.noise.annotations import encode_annotations, parse_annotations, read_bytes

VERSION = 1


@dataclass(kw_only=True, slots=True, frozen=True)
class PreparedData:
    """Annotation files that hold the run's classes alone, in the run's order.

    Attributes:
        train, eval: the prepared files and the folders of their images.
        classes: the run's classes in order.
        resolved: what enters the run key.
    """

    train: Split
    eval: Split
    classes: list[str]
    resolved: dict[str, Any]


def prepare(source: DataSource, folder: Path) -> PreparedData:
    """Write the prepared files below folder, named by their content.

    Raises:
        InputError: an unusable annotation file, a class it lacks, absent images, no image left.
    """
    sums, documents = {}, {}
    for name, split in (("train", source.train), ("eval", source.eval)):
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
        "limit": {"train": source.train.limit, "eval": source.eval.limit},
    }
    target = folder / sha256_bytes(canonical_json(resolved))[:16]
    splits = {}
    for name, split in (("train", source.train), ("eval", source.eval)):
        document = select(documents[name], classes, split=split, policy=source.policy)
        check_images(document, split)
        path = target / f"{name}.json"
        content = encode_annotations(document)
        if not path.is_file() or path.read_bytes() != content:
            write_atomically(path, content)
        splits[name] = Split(annotations=path, images=split.images)
    return PreparedData(
        train=splits["train"], eval=splits["eval"], classes=classes, resolved=resolved
    )


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
    images = [
        image
        for image in document["images"]
        if policy == "any" or image["id"] not in others
    ]
    images = images[: split.limit]
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


def check_images(document: dict[str, Any], split: Split) -> None:
    """Refuse annotation files whose images are not there, before anything trains.

    Raises:
        InputError: names the first absent images, or a file name that leaves the images' folder.
    """
    root = split.images.resolve()
    absent = []
    for image in document["images"]:
        path = split.images / image["file_name"]
        if ".." in Path(image["file_name"]).parts or Path(image["file_name"]).is_absolute():
            raise InputError(
                f"{split.annotations}: the file name {image['file_name']!r} leaves the images' "
                f"folder {root}."
            )
        if not path.is_file():
            absent.append(image["file_name"])
    if absent:
        raise InputError(
            f"{len(absent)} of {len(document['images'])} images named in {split.annotations} are "
            f"not in {split.images}: {', '.join(absent[:3])}{', …' * (len(absent) > 3)}."
        )
