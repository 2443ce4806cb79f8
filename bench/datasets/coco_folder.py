"""COCO 2017 as the archives unpack: nothing to convert, everything to check."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from noisyseg.annotation_files.document import parse_annotations, read_bytes
from noisyseg.annotation_files.identities import file_name
from noisyseg.bench.datasets.catalogue import KNOWN
from noisyseg.bench.datasets.split import Split
from noisyseg.errors import InputError

_SHOWN = 3


def coco_splits(coco: Path) -> dict[str, Split]:
    """Annotation file and images of `train` and `val`."""
    return {
        split: Split(
            annotations=coco / "annotations" / f"instances_{split}2017.json",
            images=coco / f"{split}2017",
        )
        for split in ("train", "val")
    }


def check_coco_split(split: Split) -> dict[str, int]:
    """The number of images and annotations of a split whose every image is there.

    Raises:
        InputError: unusable annotations, other categories than COCO's 80, absent images.
    """
    document = parse_annotations(read_bytes(split.annotations), str(split.annotations))
    classes = KNOWN["coco2017"].classes
    if len(document["categories"]) != classes:
        raise InputError(
            f"{split.annotations} has {len(document['categories'])} categories, COCO {classes}: "
            "it is another file."
        )
    _check_present(document, split)
    return {"images": len(document["images"]), "annotations": len(document["annotations"])}


def _check_present(document: Mapping[str, Any], split: Split) -> None:
    try:
        present = set(os.listdir(split.images))
    except OSError as error:
        raise InputError(f"cannot list {split.images}: {error.strerror}.") from error
    absent = [name for name in map(file_name, document["images"]) if name not in present]
    if absent:
        raise InputError(
            f"{len(absent)} of {len(document['images'])} images that {split.annotations} names are "
            f"not in {split.images}: {', '.join(absent[:_SHOWN])}{', …' * (len(absent) > _SHOWN)}. "
            "Half-extracted? Unpack the archive again."
        )
