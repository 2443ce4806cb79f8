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

from noisyseg.bench.datasets.converted import ConvertedImage, mask_annotation
from noisyseg.bench.datasets.data_format import DataOptions, Format
from noisyseg.bench.datasets.official_data import OfficialData
from noisyseg.bench.datasets.place import Place, locate_place
from noisyseg.bench.datasets.raw_files import image_size, integer_image
from noisyseg.bench.datasets.ready import annotation_file
from noisyseg.bench.datasets.split import Split
from noisyseg.bench.datasets.unpacked import SPLITS
from noisyseg.bench.datasets.unpacked_images import UnpackedImages
from noisyseg.errors import InputError
from noisyseg.located_yaml import Located

NAME = "cityscapes"
IMAGES = {"train": 2975, "val": 500}
CITYSCAPES_CLASSES = {
    "person": 24,
    "rider": 25,
    "car": 26,
    "truck": 27,
    "bus": 28,
    "train": 31,
    "motorcycle": 32,
    "bicycle": 33,
}
PLACE = Place(
    what="Cityscapes",
    paths=("cityscapes", "."),
    needs=("leftImg8bit", "gtFine"),
    archive="leftImg8bit_trainvaltest.zip and gtFine_trainvaltest.zip",
)
_ACCOUNT = (
    "Cityscapes cannot be downloaded without an account: register at "
    "https://www.cityscapes-dataset.com/, accept the licence, download "
    "leftImg8bit_trainvaltest.zip (11 GB) and gtFine_trainvaltest.zip (241 MB), and unpack both "
    "into {folder}, so that {folder}/leftImg8bit and {folder}/gtFine are there."
)
_PICTURE, _LABELS = "_leftImg8bit.png", "_gtFine_instanceIds.png"
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

    @property
    def picture(self) -> Path:
        """The image's file."""
        return self.images / f"{self.stem}{_PICTURE}"

    def files(self) -> list[Path]:
        """What the conversion reads."""
        return [self.picture, self.labels / f"{self.stem}{_LABELS}"]

    def convert(self) -> ConvertedImage:
        """As `convert_city`."""
        return convert_city(self)


@dataclass(kw_only=True, slots=True, frozen=True)
class CityFiles(UnpackedImages):
    """Both archives' folders: the images are those that are there."""

    def listed(self) -> dict[str, int]:
        """The number of images in the folders; see `Unpacked`."""
        return {split: len(self.tasks(split)) for split in SPLITS}

    def splits(self, prepared: Path) -> dict[str, Split]:
        """`train` and `val`; see `Unpacked`."""
        return {
            split: Split(
                annotations=annotation_file(prepared, split),
                images=self.folder / "leftImg8bit" / split,
            )
            for split in SPLITS
        }

    def tasks(self, split: str) -> list[CityTask]:
        """As `city_tasks`."""
        return city_tasks(self.folder, split)


def city_tasks(cityscapes: Path, split: str) -> list[CityTask]:
    """The images of `train` or `val`, by name.

    Raises:
        InputError: an image without labels or the reverse, or no image at all.
    """
    images, labels = cityscapes / "leftImg8bit" / split, cityscapes / "gtFine" / split
    pictures, labelled = _stems(images, _PICTURE), _stems(labels, _LABELS)
    for folder, suffix, lacking in (
        (labels, _LABELS, pictures - labelled),
        (images, _PICTURE, labelled - pictures),
    ):
        if lacking:
            first = ", ".join(str(folder / f"{stem}{suffix}") for stem in sorted(lacking)[:_SHOWN])
            raise InputError(
                f"{len(lacking)} files of Cityscapes are not there, though their other halves "
                f"are: {first}{', …' * (len(lacking) > _SHOWN)}. Half-extracted? Unpack both "
                "archives again."
            )
    if not pictures:
        raise InputError(f"{images} holds no city with *{_PICTURE}: unpack the archives again.")
    return [CityTask(images=images, labels=labels, stem=stem) for stem in sorted(pictures)]


def convert_city(task: CityTask) -> ConvertedImage:
    """An image's instances in the order of their ids.

    Raises:
        InputError: a damaged file, or two that do not fit; names it.
    """
    picture = task.picture
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
        image={"file_name": f"{task.stem}{_PICTURE}", "width": width, "height": height},
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


def _locate(section: Located, root: Path, options: DataOptions) -> OfficialData:
    files = CityFiles(
        name=NAME,
        folder=locate_place(PLACE, root),
        official=IMAGES,
        classes=list(CITYSCAPES_CLASSES),
        categories=CATEGORIES,
    )
    return OfficialData(files=files, root=root, options=options)


CITYSCAPES = Format(
    name=NAME,
    locate=_locate,
    optional=("classes", "images"),
    official=lambda section, options: IMAGES,
    by_hand=_ACCOUNT,
)
