"""A zip whose bytes follow from its files alone: no clock, no user, no library's version is in it.

Names are sorted, files stored as they are, dated 1980-01-01, of mode 0644, without extra fields or
comments. The layout is that of PKWARE's APPNOTE 6.3.10, sections 4.3.7, 4.3.12 and 4.3.16. Python's
zipfile writes the same bytes of small bundles; from 2 GiB on it turns to zip64, whose extra fields
would make one bundle readable in two ways.
"""

import hashlib
import stat
import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from noisyseg.errors import InputError

LOCAL = struct.Struct("<4s5H3L2H")
"""Signature, version needed, flags, method, time, date, CRC, packed size, size, lengths of name and
extra field."""
CENTRAL = struct.Struct("<4s6H3L5H2L")
"""Signature, versions of maker and needed, flags, method, time, date, CRC, packed size, size,
lengths of name, extra field and comment, disk, internal and external attributes, offset."""
END = struct.Struct("<4s4H2LH")
"""Signature, disk, disk of the directory, entries on it, entries, directory's size and offset,
length of the comment."""
LOCAL_SIGNATURE, CENTRAL_SIGNATURE, END_SIGNATURE = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
STORED, DEFLATED = 0, 8

_VERSION = 20  # 2.0, as zipfile says, too
_UNIX = 3 << 8
_TIME, _DATE = 0, 1 << 5 | 1  # midnight of 1980-01-01
_ATTRIBUTES = (stat.S_IFREG | 0o644) << 16
_BLOCK = 1 << 20


@dataclass(kw_only=True, slots=True, frozen=True)
class Packed:
    """A file that goes into a zip, measured before.

    Attributes:
        name: in the zip.
        content: its bytes, or the file that has them.
        size: bytes.
        crc: CRC-32.
    """

    name: str
    content: bytes | Path
    size: int
    sha256: str
    crc: int


def packed(name: str, content: bytes | Path) -> Packed:
    """A file measured.

    Raises:
        InputError: it cannot be read.
    """
    digest, size, crc = hashlib.sha256(), 0, 0
    for block in _blocks_of(content):
        digest.update(block)
        crc = zlib.crc32(block, crc)
        size += len(block)
    return Packed(name=name, content=content, size=size, sha256=digest.hexdigest(), crc=crc)


def zip_blocks(files: Iterable[Packed]) -> Iterator[bytes]:
    """The bytes of a zip of these files, block by block.

    Args:
        files: fewer than 65535, of less than 4 GiB together.

    Raises:
        InputError: a file cannot be read, or is another than when it was measured.
    """
    files = sorted(files, key=lambda file: file.name)
    offsets, offset = [], 0
    for file in files:
        offsets.append(offset)
        header = _local(file)
        offset += len(header) + file.size
        yield header
        yield from _unchanged(file)
    directory = b"".join(map(_central, files, offsets))
    yield directory
    count = len(files)
    yield END.pack(END_SIGNATURE, 0, 0, count, count, len(directory), offset, 0)


def zip_size(files: Sequence[Packed]) -> int:
    """How many bytes `zip_blocks` gives."""
    headers = LOCAL.size + CENTRAL.size
    return END.size + sum(headers + 2 * len(file.name) + file.size for file in files)


def _local(file: Packed) -> bytes:
    sizes = file.crc, file.size, file.size, len(file.name), 0
    fields = LOCAL.pack(LOCAL_SIGNATURE, _VERSION, 0, STORED, _TIME, _DATE, *sizes)
    return fields + file.name.encode("ascii")


def _central(file: Packed, offset: int) -> bytes:
    head = CENTRAL_SIGNATURE, _UNIX | _VERSION, _VERSION, 0, STORED, _TIME, _DATE
    sizes = file.crc, file.size, file.size, len(file.name), 0, 0
    return CENTRAL.pack(*head, *sizes, 0, 0, _ATTRIBUTES, offset) + file.name.encode("ascii")


def _unchanged(file: Packed) -> Iterator[bytes]:
    digest = hashlib.sha256()
    for block in _blocks_of(file.content):
        digest.update(block)
        yield block
    if digest.hexdigest() != file.sha256:
        raise InputError(f"{file.content!s}: it was changed while it was packed: call again.")


def _blocks_of(content: bytes | Path) -> Iterator[bytes]:
    if isinstance(content, bytes):
        yield content
        return
    try:
        with content.open("rb") as file:
            while block := file.read(_BLOCK):
                yield block
    except OSError as error:
        raise InputError(f"cannot read {content}: {error.strerror}.") from error
