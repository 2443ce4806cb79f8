"""Files as the archives hold them, read with an error that names the file."""

import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from noisyseg.errors import InputError
from noisyseg.image_reading import as_read

# The last bytes of a whole file; some writers add a few more.
_ENDS = {"JPEG": b"\xff\xd9", "PNG": b"IEND"}
_TAIL = 64
# MATLAB 5: bytes before the first element, its byte order by the header's last two, and the types
# of a file's elements: an array as it is, and one compressed.
_MAT_HEADER = 128
_MAT_ORDERS = {b"IM": "<", b"MI": ">"}
_MAT_ARRAY, _MAT_COMPRESSED = 14, 15
_UNREADABLE = (
    LookupError,
    SyntaxError,
    ValueError,
    UnidentifiedImageError,
    Image.DecompressionBombError,
)


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
        if error.strerror:  # the disk's, not a decoder's
            raise InputError(f"cannot read {path}, {what}: {error.strerror}.") from error
        reason = str(error) or "damaged"
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
    with reading(path, "an image"), path.open("rb") as file:
        with Image.open(file) as image:
            size, kind = image.size, image.format
        file.seek(0)
        found = as_read(file)
        file.seek(0, 2)
        file.seek(max(0, file.tell() - _TAIL))
        tail = file.read()
    if kind in _ENDS and _ENDS[kind] not in tail:
        raise InputError(f"{path} is cut short: unpack it again.")
    if found.size != size or found.orientation not in (1, None):
        raise InputError(
            f"{path} is turned by its EXIF orientation, its masks are not: take the file as the "
            "archive has it, or remove the tag."
        )
    return size


def palette_image(path: Path) -> NDArray[np.uint8]:
    """The indices of a palette PNG, shape (height, width).

    Raises:
        InputError: absent, damaged, or in colours, which say nothing of instances.
    """
    mode, values = _label_image(path, "a PNG of instances")
    if mode not in ("P", "L"):
        raise InputError(
            f"{path}: wanted a PNG with a palette, whose indices are the labels, got mode {mode}: "
            "it was converted. Take the file as the archive has it."
        )
    return values


def integer_image(path: Path) -> NDArray[Any]:
    """A grey PNG of 16 bits, shape (height, width).

    Raises:
        InputError: absent, damaged, in colours, or of 8 bits.
    """
    mode, values = _label_image(path, "a PNG of instance ids")
    if values.ndim != 2 or values.dtype.itemsize < 2:
        raise InputError(
            f"{path}: wanted a grey PNG of 16 bits, which instance ids need, got mode {mode}."
        )
    return values


def _label_image(path: Path, what: str) -> tuple[str, NDArray[Any]]:
    """Mode and pixels of a PNG, all of whose checksums agree.

    Pillow alone decodes some damaged files in silence, to other labels.
    """
    with reading(path, what):
        content = path.read_bytes()
        with Image.open(BytesIO(content), formats=["PNG"]) as image:
            image.verify()  # after which it cannot be decoded
        with Image.open(BytesIO(content), formats=["PNG"]) as image:
            return image.mode, np.asarray(image)


def mat_content(path: Path) -> BytesIO:
    """A MATLAB 5 file, all of whose checksums agree: SciPy would crash on some damaged ones.

    Raises:
        InputError: absent or damaged.
    """
    with reading(path, "a .mat file"):
        content = path.read_bytes()
        order = _MAT_ORDERS.get(content[_MAT_HEADER - 2 : _MAT_HEADER])
        if order is None or len(content) == _MAT_HEADER:
            raise ValueError("it has not the header of MATLAB 5, or nothing behind it")
        place = _MAT_HEADER
        while place < len(content):
            try:
                place = _after_element(content, place, order)
            except (struct.error, zlib.error) as error:
                raise ValueError(str(error)) from error
    return BytesIO(content)


def _after_element(content: bytes, place: int, order: str) -> int:
    """Where the element at a place ends, of a file whose elements are sound."""
    kind, length = struct.unpack_from(f"{order}II", content, place)
    begin = place + 8
    body = content[begin : begin + length]
    if kind not in (_MAT_ARRAY, _MAT_COMPRESSED) or len(body) < length:
        raise ValueError("it is cut short or overwritten")
    if kind == _MAT_COMPRESSED:
        zlib.decompress(body)  # checks the checksum at its end
    return begin + length


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
