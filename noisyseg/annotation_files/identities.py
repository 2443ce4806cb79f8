"""Ids that libraries cannot hold, and images that are listed twice or in both parts."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlparse

from noisyseg.annotation_files.columns import Columns
from noisyseg.annotation_files.findings import Finding, Level, annotation_name, image_name

_MOST = 2**63 - 1  # NumPy makes floats of larger ones, torch refuses them
_RENUMBER = "renumber, with ids from 1"

TOO_LARGE = "an id is beyond 64 bits"
NEGATIVE = "an annotation's id is negative"
TWICE = "an image is listed twice"

FileIdentity = tuple[int, int]
"""Device and inode: links to one file have the same."""


def file_name(image: Mapping[str, Any]) -> str:
    """Where an image lies in the images' folder.

    LVIS names no file but COCO's address of it, whose path mmdet takes (`LVISV1Dataset`).
    """
    name = image.get("file_name")
    return str(name) if name else urlparse(str(image["coco_url"])).path.lstrip("/")


def identity_findings(columns: Columns) -> Iterator[Finding]:
    """What is wrong with the ids and with the list of images of well-formed entries."""
    for section, entries in (("images", columns.images), ("categories", columns.categories)):
        for entry in entries:
            if not -_MOST <= entry["id"] <= _MOST:
                yield _beyond(f"{section}, id {entry['id']}")
    numbers = [annotation["id"] for annotation in columns.annotations]
    usual = min(numbers, default=0) >= 0 and max(numbers, default=0) <= _MOST
    for place, number in () if usual else enumerate(numbers):
        if not 0 <= number <= _MOST:
            where = annotation_name(columns.annotations[place], columns.image(place))
            if number > 0:
                yield _beyond(where)
            else:  # -1 says that a RoI has no annotation
                yield Finding(level=Level.ERROR, kind=NEGATIVE, where=where, mend=_RENUMBER)
    yield from _twice(columns.images)


def _beyond(where: str) -> Finding:
    return Finding(level=Level.ERROR, kind=TOO_LARGE, where=where, mend=_RENUMBER)


def _twice(images: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    # Plain names are their own paths: a PurePosixPath for each of 100,000 takes a second.
    told = map(file_name, images)
    names = [str(PurePosixPath(name)) if "/" in name else name for name in told]
    if len(set(names)) == len(names):
        return
    first: dict[str, Mapping[str, Any]] = {}
    for name, image in zip(names, images, strict=True):
        if name in first and first[name]["id"] != image["id"]:
            yield Finding(
                level=Level.ERROR,
                kind=TWICE,
                where=f"{image_name(image)} is image {first[name]['id']} again",
                mend="give all annotations of an image its one id, and list it once",
            )
        first.setdefault(name, image)


def in_both_parts(
    trained: Mapping[FileIdentity, Any], evaluated: Mapping[FileIdentity, Mapping[str, Any]]
) -> list[Finding]:
    """Images that are trained on and evaluated on.

    Args:
        trained: images by their files.
        evaluated: images by their files.
    """
    shared = [image for identity, image in evaluated.items() if identity in trained]
    if not shared:
        return []
    return [
        Finding(
            level=Level.WARNING,
            kind=f"{len(shared)} of {len(evaluated)} evaluation images are trained on, too, the "
            f"first of them {image_name(shared[0])}: AP will say nothing of new images",
            mend="split the images anew, so that none is in both parts",
        )
    ]
