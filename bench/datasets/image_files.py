"""Image files against what an annotation file says of them, before hours are spent on training."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import orjson
from PIL import Image, UnidentifiedImageError

from noisyseg.errors import InputError

_READERS = 16  # on a network file system it is waiting that takes the time
_SHOWN = 3
_ORIENTATION = 0x0112  # the EXIF tag; 5 to 8 turn the image by a quarter
_QUARTER_TURNS = (5, 6, 7, 8)


def check_image_files(annotations: Path, images: Path) -> None:
    """Compare the size of every image, read from its header, with the annotation file's.

    Args:
        annotations: a COCO file that has been checked.
        images: the folder of its images.
    Raises:
        InputError: names the first images that are no images, or of another size.
    """
    entries = orjson.loads(annotations.read_bytes())["images"]
    with ThreadPoolExecutor(_READERS) as readers:
        faults = list(readers.map(lambda entry: _fault(images, entry), entries))
    found = [fault for fault in faults if fault]
    if found:
        raise InputError(
            f"{len(found)} of {len(entries)} images in {images} cannot be used: "
            f"{_listed(found)}. Training needs readable images of the sizes that the annotation "
            "file says, since its masks are drawn at those."
        )


def _fault(images: Path, entry: dict[str, Any]) -> str | None:
    name = entry["file_name"]
    try:
        size = _size(images / name)
    except (OSError, SyntaxError, ValueError, UnidentifiedImageError, Image.DecompressionBombError):
        return f"{name} cannot be read as an image"
    said = entry["width"], entry["height"]
    if size != said:
        return f"{name} has {size[0]} × {size[1]} pixels, not {said[0]} × {said[1]}"
    return None


def _size(path: Path) -> tuple[int, int]:
    """Width and height as mmdet, which reads with OpenCV, finds them."""
    with Image.open(path) as image:
        return image_size_as_read(image)


def image_size_as_read(image: Image.Image) -> tuple[int, int]:
    """Width and height of an image that is open, as OpenCV gives them: turned as EXIF says."""
    width, height = image.size
    turned = image.getexif().get(_ORIENTATION) in _QUARTER_TURNS
    return (height, width) if turned else (width, height)


def _listed(faults: Iterable[str]) -> str:
    faults = list(faults)
    return "; ".join(faults[:_SHOWN]) + "; …" * (len(faults) > _SHOWN)
