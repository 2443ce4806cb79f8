"""The images that an annotation file names: whether they are there, and which files they are."""

import os
import stat
from collections.abc import Mapping, Sequence
from typing import Any

from noisyseg.annotation_files.findings import image_name
from noisyseg.annotation_files.identities import FileIdentity, file_name
from noisyseg.bench.datasets.annotation_check import stays_inside
from noisyseg.bench.datasets.split import Split
from noisyseg.errors import InputError


def check_images(
    images: Sequence[Mapping[str, Any]], split: Split
) -> dict[FileIdentity, Mapping[str, Any]]:
    """Refuse annotation files whose images are not there, before anything trains.

    Returns:
        The images by their files.
    Raises:
        InputError: names the first absent images, or a file name that leaves the images' folder.
    """
    absent: list[str] = []
    found: dict[FileIdentity, Mapping[str, Any]] = {}
    # Neither Path nor os.path.join, which take a second for 100,000 names, none of them absolute.
    folder = f"{split.images}{os.sep}"
    for image in images:
        name = file_name(image)
        if not stays_inside(name):
            raise InputError(
                f"{split.annotations}: the file name {name!r} leaves the images' folder "
                f"{split.images}."
            )
        identity = _identity(folder + name)
        if identity is None:
            absent.append(name)
            continue
        if identity in found:
            raise InputError(
                f"{split.annotations}: {image_name(image)} is {image_name(found[identity])} again, "
                "by a link: list an image once, with all of its annotations."
            )
        found[identity] = image
    if absent:
        windows = " They are named as on Windows: write / for \\." * ("\\" in absent[0])
        raise InputError(
            f"{len(absent)} of {len(images)} images named in {split.annotations} are "
            f"not in {split.images}: {_first(absent)}.{windows}"
        )
    return found


def _identity(path: str) -> FileIdentity | None:
    try:
        status = os.stat(path)
    except (OSError, ValueError):  # not there, not to be entered, a name that none can have
        return None
    return (status.st_dev, status.st_ino) if stat.S_ISREG(status.st_mode) else None


def _first(entries: Sequence[object]) -> str:
    return ", ".join(f"{entry!r}" for entry in entries[:3]) + ", …" * (len(entries) > 3)
