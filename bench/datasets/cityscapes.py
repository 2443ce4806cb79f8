"""Cityscapes' fine annotations as COCO-format files: the instances that mmdet's converter finds.

Instance ids are class · 1000 + number; a group of instances carries the class alone and is left
out (mmdet keeps it as `iscrowd`, so that detections on it are not counted), as are the classes that
Cityscapes does not evaluate (caravan, trailer).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from noisyseg.bench.datasets.catalogue import CITYSCAPES_CLASSES
from noisyseg.bench.datasets.converted import ConvertedImage, mask_annotation
from noisyseg.bench.datasets.raw_files import image_size, integer_image
from noisyseg.errors import InputError

PICTURE, _LABELS = "_leftImg8bit.png", "_gtFine_instanceIds.png"
_FIRST_INSTANCE = 24_000
_SHOWN = 3
_GROUPS = {"person": "human", "rider": "human"}
CATEGORIES: list[Mapping[str, Any]] = [
    {"id": number, "name": name, "supercategory": _GROUPS.get(name, "vehicle")}
    for name, number in CITYSCAPES_CLASSES.items()
]


@dataclass(kw_only=True, slots=True, frozen=True)
class CityTask:
    """An image to convert.

    Attributes:
        images: the folder leftImg8bit/train or leftImg8bit/val.
        labels: gtFine's beside it.
        stem: city/city_000000_000019.
    """

    images: Path
    labels: Path
    stem: str

    def files(self) -> list[Path]:
        """What the conversion reads."""
        return [self.images / f"{self.stem}{PICTURE}", self.labels / f"{self.stem}{_LABELS}"]


def city_tasks(cityscapes: Path, split: str) -> list[CityTask]:
    """The images of `train` or `val`, by name.

    Raises:
        InputError: an image without labels or the reverse, or no image at all.
    """
    images, labels = cityscapes / "leftImg8bit" / split, cityscapes / "gtFine" / split
    pictures, labelled = _stems(images, PICTURE), _stems(labels, _LABELS)
    for folder, suffix, lacking in (
        (labels, _LABELS, pictures - labelled),
        (images, PICTURE, labelled - pictures),
    ):
        if lacking:
            first = ", ".join(str(folder / f"{stem}{suffix}") for stem in sorted(lacking)[:_SHOWN])
            raise InputError(
                f"{len(lacking)} files of Cityscapes are not there, though their other halves "
                f"are: {first}{', …' * (len(lacking) > _SHOWN)}. Half-extracted? Unpack both "
                "archives again."
            )
    if not pictures:
        raise InputError(f"{images} holds no city with *{PICTURE}: unpack the archives again.")
    return [CityTask(images=images, labels=labels, stem=stem) for stem in sorted(pictures)]


def convert_city(task: CityTask) -> ConvertedImage:
    """An image's instances in the order of their ids.

    Raises:
        InputError: a damaged file, or two that do not fit; names it.
    """
    picture = task.images / f"{task.stem}{PICTURE}"
    path = task.labels / f"{task.stem}{_LABELS}"
    width, height = image_size(picture)
    ids = integer_image(path)
    if ids.shape != (height, width):
        raise InputError(
            f"{path} has {ids.shape[1]} × {ids.shape[0]} pixels, {picture} {width} × {height}."
        )
    kept = set(CITYSCAPES_CLASSES.values())
    present = [int(number) for number in np.unique(ids) if number >= _FIRST_INSTANCE]
    return ConvertedImage(
        image={"file_name": f"{task.stem}{PICTURE}", "width": width, "height": height},
        annotations=[
            mask_annotation(ids == number, category_id=number // 1000)
            for number in present
            if number // 1000 in kept
        ],
    )


def _stems(folder: Path, suffix: str) -> set[str]:
    if not folder.is_dir():
        raise InputError(f"no folder {folder}: unpack the archives of Cityscapes again.")
    return {
        path.relative_to(folder).as_posix().removesuffix(suffix)
        for path in folder.glob(f"*/*{suffix}")
    }
