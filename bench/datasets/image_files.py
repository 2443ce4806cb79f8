"""Image files against what an annotation file says of them, before hours are spent on training."""

import sys
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from noisyseg.errors import InputError
from noisyseg.image_reading import UndecodedError, as_read, brightest_if_black

_READERS = 16  # on a network file system it is waiting that takes the time
_SHOWN = 3
_SAMPLE = 16  # images of more than 8 bits that are decoded; of a set, all come from one camera
TAKES = "8 bits a value, or 16 of integers, as PNG, JPEG or TIFF"


class _Looked(NamedTuple):
    fault: str | None
    deep: bool


class ListedImage(NamedTuple):
    """An image as an annotation file lists it; width and height in pixels."""

    file_name: str
    width: int
    height: int


def check_image_files(listed: Sequence[ListedImage], images: Path) -> None:
    """Compare the size of every image as training reads it with the annotation file's.

    Images of more than 8 bits that are read as nearly black are warned of on standard error.

    Args:
        listed: by an annotation file that has been checked.
        images: the folder of them.
    Raises:
        InputError: names the first images that training cannot read, or of another size.
    """
    with ThreadPoolExecutor(_READERS) as readers:
        looked = list(readers.map(lambda entry: _look(images, entry), listed))
    found = [one.fault for one in looked if one.fault]
    if found:
        raise InputError(
            f"{len(found)} of {len(listed)} images in {images} cannot be used: "
            f"{_listed(found)}. Training reads images with OpenCV ({TAKES}), and needs them in the "
            "sizes that the annotation file says, since its masks are drawn at those."
        )
    deep = [entry.file_name for entry, one in zip(listed, looked, strict=True) if one.deep]
    _warn_of_black(images, deep)


def _look(images: Path, entry: ListedImage) -> _Looked:
    name = entry.file_name
    try:
        with (images / name).open("rb") as file:
            found = as_read(file)
    except UndecodedError:
        return _Looked(f"{name} cannot be read as an image by OpenCV", deep=False)
    except (OSError, ValueError):
        return _Looked(f"{name} cannot be read as an image", deep=False)
    said = entry.width, entry.height
    if found.size != said:
        return _Looked(f"{name} has {size_mismatch(found.size, said)}", deep=False)
    return _Looked(None, found.may_be_deep)


def size_mismatch(found: tuple[int, int], said: tuple[int, int]) -> str:
    """Two sizes in words; where they differ by a quarter turn, who turns what."""
    text = f"{found[0]} × {found[1]} pixels, not {said[0]} × {said[1]}"
    if found != (said[1], said[0]):
        return text
    return f"{text} (training turns JPEG, PNG and TIFF as EXIF says, other formats not)"


def black_warning(black: Sequence[tuple[str, int]], looked_at: int, folder: Path) -> str:
    """A warning of images that are read as nearly black: their names and brightest values."""
    name, brightest = black[0]
    return (
        f"{folder}: of {looked_at} images of more than 8 bits that were looked at, {len(black)} "
        f"are read as nearly black, e.g. {name}: its brightest pixel is {brightest} of 255, since "
        "16 bits are divided by 256; stretch 10 to 14 bits to 16 before training"
    )


def _warn_of_black(images: Path, deep: Sequence[str]) -> None:
    number = min(len(deep), _SAMPLE)
    sample = [deep[place * len(deep) // number] for place in range(number)]
    black = []
    for name in sample:
        try:
            brightest = brightest_if_black((images / name).read_bytes())
        except (OSError, UndecodedError) as error:
            raise InputError(f"{images / name} cannot be used: {error}. Fetch it again.") from error
        if brightest is not None:
            black.append((name, brightest))
    if black:
        sys.stderr.write(f"warning: {black_warning(black, number, images)}\n")


def _listed(faults: Iterable[str]) -> str:
    faults = list(faults)
    return "; ".join(faults[:_SHOWN]) + "; …" * (len(faults) > _SHOWN)
