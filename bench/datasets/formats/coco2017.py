"""COCO 2017 as the archives unpack: nothing to convert, everything to check."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from noisyseg.annotation_files.document import check_document, parse_annotations
from noisyseg.annotation_files.file_layout import annotation_spans, without_annotations
from noisyseg.annotation_files.identities import file_name
from noisyseg.annotation_files.mapped_file import map_file
from noisyseg.bench.datasets.acquisition import Source
from noisyseg.bench.datasets.check import add_split
from noisyseg.bench.datasets.check_report import Report
from noisyseg.bench.datasets.converted import Progress
from noisyseg.bench.datasets.data_format import DataOptions, Format
from noisyseg.bench.datasets.official_data import OfficialData
from noisyseg.bench.datasets.place import Place, locate_place
from noisyseg.bench.datasets.split import Split
from noisyseg.bench.datasets.unpacked import SPLITS, Converted, Put, Unpacked
from noisyseg.errors import InputError
from noisyseg.files import sha256_file
from noisyseg.located_yaml import Located

NAME = "coco2017"
CLASSES = 80
IMAGES = {"train": 118287, "val": 5000}
PLACE = Place(
    what="COCO 2017",
    paths=("coco", "."),
    needs=("annotations", "train2017", "val2017"),
    archive="train2017.zip, val2017.zip and annotations_trainval2017.zip",
)
_ZIPS = "http://images.cocodataset.org"
_SHOWN = 3


def _archive(path: str, part: str, md5: str | None, *gives: str, optional: bool = False) -> Source:
    return Source(
        name=path.rpartition("/")[2],
        part=part,
        url=f"{_ZIPS}/{path}",
        md5=md5,
        folder="coco",
        gives=gives,
        optional=optional,
    )


# The checksums are those that several public projects name (torchvision, mlcommons, …).
ARCHIVES = (
    _archive(
        "annotations/annotations_trainval2017.zip",
        "annotations",
        "f4bbac642086de4f52a3fdda2de5fa2c",
        "annotations/instances_train2017.json",
        "annotations/instances_val2017.json",
    ),
    _archive("zips/val2017.zip", "val2017", "442b8da7639aecaf257c1dceb8ba8c80", "val2017"),
    _archive("zips/train2017.zip", "train2017", "cced6f7f71b7629ddf16f17bbcfab6b2", "train2017"),
    _archive(
        "zips/test2017.zip",
        "test2017",
        "77ad2c53ac5d0aea611d422c0938fb35",
        "test2017",
        optional=True,
    ),
    _archive(
        "annotations/image_info_test2017.zip",
        "test2017",
        None,
        "annotations/image_info_test-dev2017.json",
        optional=True,
    ),
)


@dataclass(kw_only=True, slots=True, frozen=True)
class CocoFiles(Unpacked):
    """COCO's files: used as they are."""

    def listed(self) -> None:
        """Only the annotation files say how many images there are."""

    def state(self) -> str:
        """The SHA-256 of both annotation files; see `Unpacked`."""
        splits = coco_splits(self.folder).values()
        try:
            return "\n".join(sha256_file(split.annotations) for split in splits)
        except OSError as error:
            raise InputError(f"cannot read {error.filename}: {error.strerror}.") from error

    def splits(self, prepared: Path) -> dict[str, Split]:
        """`train` and `val` where they were unpacked."""
        return coco_splits(self.folder)

    def convert(self, put: Put, *, workers: int | None, progress: Progress | None) -> Converted:
        """Nothing is: what is counted was found whole. See `Unpacked`."""
        counts = {}
        for number, (name, split) in enumerate(coco_splits(self.folder).items(), start=1):
            counts[name] = check_coco_split(split)
            if progress is not None:
                progress(number, len(SPLITS))
        return Converted(counts, [])

    def check(
        self, report: Report, *, workers: int | None, progress: Progress | None
    ) -> Mapping[str, int]:
        """Look at both annotation files and every image; see `Unpacked`."""
        return {
            name: add_split(report, split, workers, progress, classes=CLASSES)
            for name, split in coco_splits(self.folder).items()
        }

    def test(self) -> Split:
        """COCO's test-dev images; whether they are there is asked when they are needed."""
        return Split(
            annotations=self.folder / "annotations" / "image_info_test-dev2017.json",
            images=self.folder / "test2017",
        )


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

    Each annotation is looked at by those who are going to train or evaluate on it.

    Raises:
        InputError: unusable images, other categories than COCO's 80, absent images, or what is no
            COCO file.
    """
    document, count = _outline(split)
    if len(document["categories"]) != CLASSES:
        raise InputError(
            f"{split.annotations} has {len(document['categories'])} categories, COCO {CLASSES}: "
            "it is another file."
        )
    _check_present(document, split)
    return {"images": len(document["images"]), "annotations": count}


def _outline(split: Split) -> tuple[dict[str, Any], int]:
    """The document of a split's file, whose annotations may be left out, and their number."""
    data, where = map_file(split.annotations), str(split.annotations)
    spans = annotation_spans(data)
    if spans is not None and len(spans):
        try:
            document = without_annotations(data, spans)
            check_document(document, where)
            return document, len(spans)
        except (InputError, orjson.JSONDecodeError):
            pass  # it is parsed whole, so that all that is wrong is told at once
    document = parse_annotations(data[:], where)
    return document, len(document["annotations"])


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


def _locate(section: Located, root: Path, options: DataOptions) -> OfficialData:
    folder = locate_place(PLACE, root)
    files = CocoFiles(name=NAME, folder=folder, official=IMAGES, classes=None)
    return OfficialData(files=files, root=root, options=options)


COCO2017 = Format(
    name=NAME,
    locate=_locate,
    optional=("classes", "images"),
    official=lambda section, options: IMAGES,
    archives={NAME: ARCHIVES},
)
