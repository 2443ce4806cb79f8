"""A stranger's bundle unpacked: nothing is run, and nothing is written outside its folder.

What is let through is whole, no larger than it may be, and means the same to every reader: the
files that its bundle.json lists, each JSON document of one meaning, each file of predictions one
frame that was decompressed within bounds. Whether its numbers hold is another matter.
"""

import hashlib
import io
import os
import stat
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import msgspec
import zstandard

from noisyseg.bench.leaderboard.contents import BUNDLE, Contents, check_files, parse_contents
from noisyseg.bench.leaderboard.limits import LIMITS, Limits
from noisyseg.bench.leaderboard.zip_directory import Member, read_directory
from noisyseg.bench.leaderboard.zip_writing import STORED
from noisyseg.bench.runs.run import MANIFEST
from noisyseg.errors import InputError
from noisyseg.results.evaluation.predictions import Detection
from noisyseg.strict_json import parse_strict_json

_BLOCK = 1 << 16
# A piece of a frame; a frame's block of 4 bytes can make 128 KiB.
_PIECE = 1 << 10


@dataclass(kw_only=True, slots=True, frozen=True)
class Bundle:
    """A bundle in a folder of ours.

    Attributes:
        folder: with its files, as `contents.MEMBER` has their names.
        sha256: of the archive.
        bytes: of the archive.
        contents: its bundle.json.
    """

    folder: Path
    sha256: str
    bytes: int
    contents: Contents


def unpacked(path: Path, folder: Path, limits: Limits = LIMITS) -> Bundle:
    """Unpack a bundle.

    Args:
        path: of the archive.
        folder: is made, or is there and empty.
        limits: on what is read and written.

    Raises:
        InputError: what is wrong with the archive, the file that it is wrong with, in one sentence;
            or that the archive cannot be read or the folder written to. The folder may hold some of
            the files then.
    """
    try:
        with _opened(path) as file:
            members = read_directory(file, limits)
            _make(folder)
            for member in members:
                _write(_content(file, member), folder / member.name)
            sha256, size = _digest(file)
        for member in members:
            _check_content(folder, member.name, limits)
        names = [member.name for member in members]
        if BUNDLE not in names:
            raise InputError(f"{BUNDLE} is missing.")
        contents = parse_contents((folder / BUNDLE).read_bytes())
        check_files(folder, names, contents)
    except OSError as error:
        place = error.filename or path
        raise InputError(f"{place}: {error.strerror or error}.") from error
    return Bundle(folder=folder, sha256=sha256, bytes=size, contents=contents)


def _opened(path: Path) -> BinaryIO:
    """The file, unless reading it could wait for somebody."""
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise InputError(f"{path}: wanted a bundle, got a folder or a device.")
    return os.fdopen(handle, "rb")


def _make(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if folder.is_symlink() or any(folder.iterdir()):
        raise InputError(f"{folder}: wanted an empty folder to unpack into.")


def _write(blocks: Iterable[bytes], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as file:
        for block in blocks:
            file.write(block)


def _content(file: BinaryIO, member: Member) -> Iterator[bytes]:
    """A file's content, never more of it than the archive says.

    Raises:
        InputError: less or more than that, or other bytes.
    """
    packed = _packed(file, member)
    blocks = packed if member.method == STORED else _inflated(packed, member)
    size = crc = 0
    for block in blocks:
        size += len(block)
        if size > member.size:
            raise InputError(f"{member.name}: it unpacks to more than {member.size} bytes.")
        crc = zlib.crc32(block, crc)
        yield block
    if (size, crc) != (member.size, member.crc):
        raise InputError(f"{member.name}: damaged: its content is not what its checksum is of.")


def _packed(file: BinaryIO, member: Member) -> Iterator[bytes]:
    file.seek(member.content)
    left = member.packed
    while left and (block := file.read(min(left, _BLOCK))):
        left -= len(block)
        yield block


def _inflated(packed: Iterable[bytes], member: Member) -> Iterator[bytes]:
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    too_long = False
    try:
        for block in packed:
            too_long = too_long or stream.eof
            data = b"" if stream.eof else block
            while data:
                yield stream.decompress(data, _BLOCK)
                data = stream.unconsumed_tail
        yield stream.flush()
    except zlib.error as error:
        raise InputError(f"{member.name}: damaged: {error}.") from error
    if too_long or stream.unused_data or not stream.eof:
        raise InputError(f"{member.name}: damaged: it ends too early or too late.")


def _digest(file: BinaryIO) -> tuple[str, int]:
    digest = hashlib.sha256()
    file.seek(0)
    while block := file.read(_BLOCK):
        digest.update(block)
    return digest.hexdigest(), file.tell()


def _check_content(folder: Path, name: str, limits: Limits) -> None:
    """A document is JSON of one meaning; a method's source is nothing to be understood here."""
    path = folder / name
    if path.suffix == ".json":
        most = limits.manifest if path.name == MANIFEST else limits.json
        _check_small(path, name, most)
        parse_strict_json(path.read_bytes(), name, most=most)
    elif path.suffix == ".jsonl":
        with path.open("rb") as file:
            for number, line in enumerate(iter(lambda: file.readline(limits.json + 1), b""), 1):
                parse_strict_json(line, f"{name}, line {number}", most=limits.json)
    elif path.suffix == ".py":
        _check_small(path, name, limits.source)
    else:
        _check_detections(path, name, limits)


def _check_small(path: Path, name: str, most: int) -> None:
    size = path.stat().st_size
    if size > most:
        raise InputError(f"{name}: {size} bytes; at most {most} are read.")


class _Detections(msgspec.Struct):
    """As far as memory depends on it; what else there is of it is passed over."""

    image_ids: list[int]
    detections: list[Detection]


def _check_detections(path: Path, name: str, limits: Limits) -> None:
    data = _decompressed(path, name, limits)
    try:  # a long list of nothings would take more memory than detections of that length
        msgspec.json.decode(data, type=_Detections)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise InputError(f"{name}: no predictions: {error}.") from error
    parse_strict_json(data, name, most=limits.detections)


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
