"""Files as the archives hold them, read with an error that names the file."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from noisyseg.errors import InputError

# The last bytes of a whole file; some writers add a few more.
_ENDS = {"JPEG": b"\xff\xd9", "PNG": b"IEND"}
_TAIL = 64
_UNREADABLE = (SyntaxError, ValueError, UnidentifiedImageError, Image.DecompressionBombError)


@contextmanager
def reading(path: Path, what: str) -> Iterator[None]:
    """Turns whatever a reader raises for a file into an error that names it."""
    try:
        yield
    except FileNotFoundError as error:
        raise InputError(
            f"{path} is not there, though its image list names it: half-extracted? Unpack the "
            "archive again."
        ) from error
    except UnidentifiedImageError as error:  # an OSError without a reason
        raise InputError(f"{path} is not {what}, or a damaged one: unpack it again.") from error
    except OSError as error:
        reason = error.strerror or str(error) or "damaged"
        raise InputError(f"cannot read {path}, {what}: {reason}. Unpack it again.") from error
    except _UNREADABLE as error:
        raise InputError(
            f"{path} is not {what}, or a damaged one ({error}): unpack it again."
        ) from error


def image_size(path: Path) -> tuple[int, int]:
    """Width and height of a JPEG or PNG, from its header; its end is looked at, too.

    Raises:
        InputError: absent, no image, or cut short.
    """
    with reading(path, "an image"), Image.open(path) as image:
        size, kind = image.size, image.format
    with reading(path, "an image"), path.open("rb") as file:
        file.seek(0, 2)
        file.seek(max(0, file.tell() - _TAIL))
        tail = file.read()
    if kind in _ENDS and _ENDS[kind] not in tail:
        raise InputError(f"{path} is cut short: unpack it again.")
    return size


def palette_image(path: Path) -> NDArray[np.uint8]:
    """The indices of a palette PNG, shape (height, width).

    Raises:
        InputError: absent, damaged, or in colours, which say nothing of instances.
    """
    with reading(path, "a PNG of instances"), Image.open(path) as image:
        mode = image.mode
        values = np.asarray(image)
    if mode not in ("P", "L"):
        raise InputError(
            f"{path}: wanted a PNG with a palette, whose indices are the labels, got mode {mode}: "
            "it was converted. Take the file as the archive has it."
        )
    return values


def integer_image(path: Path) -> NDArray[Any]:
    """A grey PNG of up to 16 bits, shape (height, width).

    Raises:
        InputError: absent, damaged, or in colours.
    """
    with reading(path, "a PNG of instance ids"), Image.open(path) as image:
        mode = image.mode
        values = np.asarray(image)
    if values.ndim != 2:
        raise InputError(f"{path}: wanted a grey PNG of instance ids, got mode {mode}.")
    return values


def xml_root(path: Path) -> ElementTree.Element:
    """The root element of an XML file without a document type, whose entities could multiply.

    Raises:
        InputError: absent, damaged, or with a document type.
    """
    with reading(path, "an XML file"):
        content = path.read_bytes()
        if b"<!DOCTYPE" in content or b"<!ENTITY" in content:
            raise InputError(f"{path} declares a document type, which VOC's files never do.")
        return ElementTree.fromstring(content)  # ParseError is a SyntaxError
