"""A stranger's bundle unpacked: nothing is run, and nothing is written outside its folder.

What is let through is whole, no larger than it may be, and means the same to every reader: the
files that its bundle.json lists, each JSON document of one meaning, each file of predictions one
frame that was decompressed within bounds. Whether its numbers hold is another matter.
"""

import hashlib
import os
import stat
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from noisyseg.bench.leaderboard.contents import BUNDLE, Contents, check_files, parse_contents
from noisyseg.bench.leaderboard.documents import check_document
from noisyseg.bench.leaderboard.limits import LIMITS, Limits
from noisyseg.bench.leaderboard.zip_directory import Member, read_directory
from noisyseg.bench.leaderboard.zip_writing import STORED
from noisyseg.errors import InputError

_BLOCK = 1 << 16


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
        names = [member.name for member in members]
        contents = _contents(folder, names, limits)
        for name in names:
            check_document(folder / name, name, limits)
    except OSError as error:
        place = error.filename or path
        raise InputError(f"{place}: {error.strerror or error}.") from error
    return Bundle(folder=folder, sha256=sha256, bytes=size, contents=contents)


def _contents(folder: Path, names: Sequence[str], limits: Limits) -> Contents:
    """The bundle.json, which lists the files that there are."""
    if BUNDLE not in names:
        raise InputError(f"{BUNDLE} is missing.")
    check_document(folder / BUNDLE, BUNDLE, limits)
    contents = parse_contents((folder / BUNDLE).read_bytes())
    check_files(folder, names, contents)
    return contents


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
