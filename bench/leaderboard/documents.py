"""The documents of a bundle, each held to one meaning and to a size, whoever wrote it."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec
import zstandard

from noisyseg.bench.leaderboard.limits import LIMITS, Limits
from noisyseg.bench.runs.run import MANIFEST
from noisyseg.errors import InputError
from noisyseg.results.evaluation.predictions import Detection
from noisyseg.results.records.store import RECORD_NAME
from noisyseg.strict_json import parse_strict_json

# A piece of a frame; a frame's block of 4 bytes can make 128 KiB.
_PIECE = 1 << 10
_AT_ONCE = 1000
# Of a detection and its mask; more are of no detections.
_BRACES, _COMMAS = 2, 10


def check_document(path: Path, name: str, limits: Limits = LIMITS) -> None:
    """Refuse a file of a bundle that readers could understand differently, or that is too large.

    Args:
        path: the file.
        name: its name in the bundle, which says what it is; a method's source is not looked into.
        limits: on what is read.

    Raises:
        InputError: not JSON of one meaning; predictions that are not one whole frame of them.
        OSError: it cannot be read.
    """
    if path.suffix == ".json":
        most = {MANIFEST: limits.manifest, RECORD_NAME: limits.record}.get(path.name, limits.json)
        _check_small(path, name, most)
        parse_strict_json(path.read_bytes(), name, most=most)
    elif path.suffix == ".jsonl":
        _check_small(path, name, limits.log)
        _check_lines(path, name, limits)
    elif path.suffix == ".py":
        _check_small(path, name, limits.source)
    else:
        _check_detections(path, name, limits)


def _check_small(path: Path, name: str, most: int) -> None:
    size = path.stat().st_size
    if size > most:
        raise InputError(f"{name}: {size} bytes; at most {most} are read.")


def _check_lines(path: Path, name: str, limits: Limits) -> None:
    """Refuse a file of too many lines before the first of them is parsed."""
    data = path.read_bytes()
    count = data.count(b"\n")
    if count > limits.log_lines:
        raise InputError(f"{name}: {count} lines; at most {limits.log_lines} are read.")
    for number, line in enumerate(io.BytesIO(data), 1):
        parse_strict_json(line, f"{name}, line {number}", most=limits.json)


class _Images(msgspec.Struct):
    image_ids: list[int]


class _Detections(msgspec.Struct):
    """As far as memory depends on it; what else there is of it is passed over."""

    detections: msgspec.Raw


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """How much a file of predictions holds, told without reading its detections.

    Attributes:
        images: how many it says it is of.
        detections: how many there can be.
    """

    images: int
    detections: int


def outline(path: Path, name: str, limits: Limits = LIMITS) -> Outline:
    """How much there is in a file of predictions.

    Raises:
        InputError: damaged, too large, or no predictions.
        OSError: it cannot be read.
    """
    return _outline(_decompressed(path, name, limits), name, limits)


def _outline(data: bytes, name: str, limits: Limits) -> Outline:
    count = data.count(b"{") // _BRACES  # in whatever order and with whatever spaces
    if data.count(b",") > _COMMAS * count + limits.images:
        raise InputError(f"{name}: it holds more than {count} detections and their images.")
    with _as_predictions(name):
        images = len(msgspec.json.decode(data, type=_Images).image_ids)
    return Outline(images=images, detections=count)


def _check_detections(path: Path, name: str, limits: Limits) -> None:
    data = _decompressed(path, name, limits)
    found = _outline(data, name, limits)
    if found.detections > limits.per_image * found.images:
        raise InputError(
            f"{name}: {found.detections} detections of {found.images} images; at most "
            f"{limits.per_image} an image are read."
        )
    with _as_predictions(name):
        detections = bytes(msgspec.json.decode(data, type=_Detections).detections)
        entries = msgspec.json.decode(detections, type=list[msgspec.Raw])
    start = data.index(detections)
    around = data[:start] + b"[]" + data[start + len(detections) :]
    parse_strict_json(around, name, most=limits.detections)
    for first in range(0, len(entries), _AT_ONCE):  # all at once, they would take gigabytes
        some = b"[" + b",".join(map(bytes, entries[first : first + _AT_ONCE])) + b"]"
        with _as_predictions(name):  # nothings of any length are none
            msgspec.json.decode(some, type=list[Detection])
        parse_strict_json(some, name, most=limits.detections)


@contextmanager
def _as_predictions(name: str) -> Iterator[None]:
    try:
        yield
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise InputError(f"{name}: no predictions: {error}.") from error


def _decompressed(path: Path, name: str, limits: Limits) -> bytes:
    """What a file of predictions holds: one frame, whole, and nothing after it.

    Raises:
        InputError: damaged, or too large decompressed.
    """
    size = path.stat().st_size
    most = min(limits.detections, max(limits.ratio_from, limits.detections_ratio * size))
    frame = zstandard.ZstdDecompressor().decompressobj()
    content = io.BytesIO()
    try:
        with path.open("rb") as file:
            while not frame.eof and (piece := file.read(_PIECE)):
                content.write(frame.decompress(piece))
                if content.tell() > most:
                    raise InputError(f"{name}: more than {most} bytes out of {size}.")
            if not frame.eof or frame.unused_data or file.read(1):
                raise InputError(f"{name}: damaged: the frame ends too early or too late.")
    except zstandard.ZstdError as error:
        raise InputError(f"{name}: damaged: {error}.") from error
    return content.getvalue()
