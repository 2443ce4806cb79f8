"""Images as training reads them: decoded by OpenCV, in colour (mmdet's `LoadImageFromFile`).

Which formats and depths OpenCV takes, and which it turns by their EXIF orientation (JPEG, PNG and
TIFF; WebP and AVIF not), it alone decides. H height, W width.
"""

import struct
from collections.abc import Iterator
from typing import Any, BinaryIO, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

_JPEG, _PNG = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"
_ORIENTATION, _SHORT = 0x0112, 3  # the EXIF tag and its type
_EXIF, _APP1, _SCAN = b"Exif\0\0", 0xE1, 0xDA
_FRAMES = (0xC0, 0xC1, 0xC2)  # of the JPEGs that everybody decodes; the others are tried
_QUARTER_TURNS = range(5, 9)
_ERRORS_ALONE = 2  # of OpenCV's levels: what it cannot decode is said here, in words
BLACK = 64
"""Below it, of 256, the brightest pixel of an image is nearly black."""

Pixels = NDArray[np.uint8]


class UndecodedError(ValueError):
    """OpenCV makes no colour image of a file, so training could not, either."""


class AsRead(NamedTuple):
    """What training gets of an image.

    Attributes:
        size: width and height.
        orientation: 1 to 8, what the pixels are turned by, as EXIF counts; None where the file had
            to be decoded to learn its size.
        may_be_deep: whether a value may have more than 8 bits, of which training gets the first 8.
    """

    size: tuple[int, int]
    orientation: int | None
    may_be_deep: bool


def decoded(content: bytes) -> Pixels:
    """The pixels of an image file, (H, W, 3), blue first.

    Raises:
        UndecodedError: no image, damaged, or of a format or depth that OpenCV does not take.
    """
    pixels: Pixels | None = _decode(content, cv2.IMREAD_COLOR)
    if pixels is None or pixels.ndim != 3 or pixels.dtype != np.uint8:
        raise UndecodedError("OpenCV, which training reads with, cannot decode it")
    if not content.startswith((_JPEG, _PNG)):
        # Of some files of floats OpenCV makes bytes: 1.0 becomes 255, or everything above 1 does.
        whole = _decode(content, cv2.IMREAD_UNCHANGED)
        if whole is not None and whole.dtype.kind == "f":
            raise UndecodedError("its values are floats, of which OpenCV makes no picture")
    return pixels


def _decode(content: bytes, flag: int) -> Any:
    cv2.setLogLevel(_ERRORS_ALONE)
    try:
        return cv2.imdecode(np.frombuffer(content, np.uint8), flag)
    except cv2.error as error:
        raise UndecodedError(str(error)) from error


def as_read(file: BinaryIO) -> AsRead:
    """What training gets of an open image file.

    By the header alone where that surely tells, as in JPEG and PNG; others are decoded.

    Raises:
        UndecodedError: see `decoded`.
        OSError, ValueError: a PNG that is cut short.
    """
    start = file.read(len(_PNG))
    found = None
    if start.startswith(_JPEG):
        found = _of_jpeg(file)
    elif start == _PNG:
        found = _of_png(file)
    if found is not None:
        return found
    file.seek(0)
    height, width = decoded(file.read()).shape[:2]
    return AsRead((width, height), None, may_be_deep=not start.startswith(_JPEG))


def brightest_if_black(content: bytes) -> int | None:
    """The brightest value, of 255, of an image of more than 8 bits that is read as nearly black.

    OpenCV divides 16 bits by 256, which leaves 15 of 255 of a camera's 12 bits. None if the image
    is brighter, or of 8 bits.

    Raises:
        UndecodedError: see `decoded`.
    """
    brightest = int(decoded(content).max())
    if brightest >= BLACK:
        return None
    whole = _decode(content, cv2.IMREAD_UNCHANGED)
    return brightest if whole is not None and whole.itemsize > 1 else None


def _of_jpeg(file: BinaryIO) -> AsRead | None:
    """From the segments before the pixels; None if they are damaged, or not of 8 bits."""
    size, exif = None, b""
    for kind, length in _jpeg_segments(file):
        if kind in _FRAMES:
            depth, height, width = struct.unpack(">BHH", file.read(5).ljust(5, b"\0"))
            size = (width, height) if depth == 8 and height else None
        elif kind == _APP1 and not exif and file.read(len(_EXIF)) == _EXIF:
            exif = file.read(length - len(_EXIF))
    return _turned(size, _orientation(exif), may_be_deep=False) if size else None


def _jpeg_segments(file: BinaryIO) -> Iterator[tuple[int, int]]:
    """Marker and length of each segment up to the pixels, the file at the segment's content."""
    place = 2
    while True:
        file.seek(place)
        head = file.read(4)
        if len(head) < 4 or head[0] != 0xFF or head[1] == _SCAN:
            return
        if head[1] == 0xFF:  # any number of them may stand before a marker
            place += 1
            continue
        (length,) = struct.unpack(">H", head[2:])
        yield head[1], length - 2
        place += 2 + length


def _of_png(file: BinaryIO) -> AsRead | None:
    """From the header, and from EXIF, which may stand behind the pixels, too."""
    size, depth, exif = None, 8, b""
    for kind, length in _png_chunks(file):
        if kind == b"IHDR":
            *size, depth = struct.unpack(">IIB", file.read(9).ljust(9, b"\0"))
        elif kind == b"eXIf":
            exif = file.read(length)
    if size is None:
        raise ValueError("a PNG without a header")
    return _turned((size[0], size[1]), _orientation(exif), may_be_deep=depth > 8)


def _png_chunks(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """Kind and length of each chunk of a PNG, the file at the chunk's content.

    Raises:
        ValueError: the file ends before its last chunk.
    """
    place = len(_PNG)
    while True:
        file.seek(place)
        head = file.read(8)
        if len(head) < 8:
            raise ValueError("a PNG that is cut short")
        (length,), kind = struct.unpack(">I", head[:4]), head[4:]
        yield kind, length
        if kind == b"IEND":
            if len(file.read(4)) < 4:
                raise ValueError("a PNG that is cut short")
            return
        place += length + 12  # its length, kind and checksum are 4 bytes each


def _turned(size: tuple[int, int], orientation: int | None, *, may_be_deep: bool) -> AsRead | None:
    if orientation is None:
        return None
    if orientation in _QUARTER_TURNS:
        size = (size[1], size[0])
    return AsRead(size, orientation, may_be_deep)


def _orientation(exif: bytes) -> int | None:
    """What EXIF data say, 1 if nothing; None where readers may differ: damaged, or another type."""
    if not exif:
        return 1
    order = {b"II": "<", b"MM": ">"}.get(exif[:2])
    if order is None:
        return None
    try:
        (place,) = struct.unpack_from(f"{order}I", exif, 4)
        (entries,) = struct.unpack_from(f"{order}H", exif, place)
        for number in range(entries):
            entry = struct.unpack_from(f"{order}HHIH", exif, place + 2 + 12 * number)
            tag, kind, count, value = entry
            if tag == _ORIENTATION:
                known = (kind, count) == (_SHORT, 1)
                return (value if value in range(2, 9) else 1) if known else None
    except struct.error:
        return None
    return 1
