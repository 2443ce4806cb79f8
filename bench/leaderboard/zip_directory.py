"""A stranger's zip: which files it says it has, and whether that can be believed.

Only what `submit` writes, or another program that packs the same files, is let through. Every byte
belongs to a file's header, a file's content, the directory or its end; so that nothing stands
before or after, nothing overlaps, and no reader finds other files in it than this one.
"""

import stat
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from noisyseg.bench.leaderboard.contents import MEMBER
from noisyseg.bench.leaderboard.limits import Limits
from noisyseg.bench.leaderboard.zip_writing import (
    CENTRAL,
    CENTRAL_SIGNATURE,
    DEFLATED,
    END,
    END_SIGNATURE,
    LOCAL,
    LOCAL_SIGNATURE,
    STORED,
)
from noisyseg.errors import InputError

_ENCRYPTED, _SIZES_LATER = 1, 8
_HARMLESS = 0x0806  # how hard deflate tried, and that names are UTF-8
_FOLDER = 0x10  # of MS-DOS


@dataclass(kw_only=True, slots=True, frozen=True)
class Member:
    """A file in a zip.

    Attributes:
        start: where its header stands.
        packed: bytes that its content takes.
        size: bytes of its content, unpacked.
    """

    name: str
    start: int
    flags: int
    method: int
    crc: int
    packed: int
    size: int

    @property
    def content(self) -> int:
        """Where its content begins."""
        return self.start + LOCAL.size + len(self.name)

    @property
    def end(self) -> int:
        """Where the next file's header begins."""
        return self.content + self.packed


def read_directory(file: BinaryIO, limits: Limits) -> list[Member]:
    """The files of a zip, in the order in which they lie; none is unpacked.

    Raises:
        InputError: no zip, or not one that a bundle may be.
        OSError: it cannot be read.
    """
    size = file.seek(0, 2)
    if size > limits.archive:
        raise InputError(f"the archive has {size} bytes; at most {limits.archive} are read.")
    count, length, start = _end(file, size, limits)
    file.seek(start)
    members = list(_members(file.read(length), count))
    _check_names(members)
    _check_sizes(members, limits)
    members.sort(key=lambda member: member.start)
    place = 0
    for member in members:
        if member.start != place:
            raise InputError(f"{member.name}: other data overlap it or stand before it.")
        _check_header(file, member)
        place = member.end
    if place != start:
        raise InputError("the archive has data that belong to no file, or that two files share.")
    return members


def _end(file: BinaryIO, size: int, limits: Limits) -> tuple[int, int, int]:
    """How many files a zip has, and its directory's length and place."""
    file.seek(max(0, size - END.size))
    data = file.read(END.size)
    if len(data) < END.size or not data.startswith(END_SIGNATURE):
        raise InputError(
            "no zip: it does not end as one does. It was cut short, something was added, or it is "
            "another kind of file."
        )
    _, disk, first_disk, on_disk, count, length, start, comment = END.unpack(data)
    if (disk, first_disk, comment) != (0, 0, 0) or on_disk != count:
        raise InputError("the archive is in several parts, or has a comment.")
    if count > limits.members:
        raise InputError(f"the archive says {count} files or more; at most {limits.members}.")
    if length > limits.directory:
        raise InputError(
            f"the archive's list of files has {length} bytes; at most {limits.directory} are read."
        )
    if start + length + END.size != size:
        raise InputError("the archive's list of files is not where it says, or is of a zip64.")
    return count, length, start


def _members(directory: bytes, count: int) -> Iterator[Member]:
    place = 0
    for _ in range(count):
        fields = directory[place : place + CENTRAL.size]
        if len(fields) < CENTRAL.size or not fields.startswith(CENTRAL_SIGNATURE):
            raise InputError("the archive's list of files has fewer than it says.")
        _, _, _, flags, method, _, _, crc, packed, size, *rest = CENTRAL.unpack(fields)
        length, extra, comment, disk, _, attributes, start = rest
        place += CENTRAL.size + length
        name = _name(directory[place - length : place])
        if extra or comment or disk:
            raise InputError(f"{name}: an extra field, a comment or a part of another archive.")
        _check_kind(name, flags, method, attributes)
        yield Member(
            name=name, start=start, flags=flags, method=method, crc=crc, packed=packed, size=size
        )
    if place != len(directory):
        raise InputError("the archive's list of files has more than it says.")


def _name(data: bytes) -> str:
    """A name that a bundle's file may have; so it leads out of no folder, and means one file."""
    name = data.decode("ascii", errors="replace")
    if not MEMBER.fullmatch(name):
        raise InputError(f"no bundle has a file {name[:100]!a}.")
    return name


def _check_kind(name: str, flags: int, method: int, attributes: int) -> None:
    if flags & _ENCRYPTED:
        raise InputError(f"{name}: it is encrypted.")
    if flags & _SIZES_LATER:
        raise InputError(f"{name}: its size stands behind it, where it cannot be known before.")
    if flags & ~_HARMLESS or method not in (STORED, DEFLATED):
        raise InputError(f"{name}: packed in a way that bundles are not (stored or deflated).")
    if attributes & _FOLDER or stat.S_IFMT(attributes >> 16) not in (0, stat.S_IFREG):
        raise InputError(f"{name}: a link, a folder or a device, where a file is wanted.")


def _check_names(members: list[Member]) -> None:
    seen: set[str] = set()
    for member in members:
        if member.name in seen:
            raise InputError(f"{member.name}: the archive has it twice.")
        seen.add(member.name)


def _check_sizes(members: list[Member], limits: Limits) -> None:
    for member in members:
        if member.size > limits.member:
            raise InputError(f"{member.name}: {member.size} bytes; at most {limits.member}.")
        if member.method == STORED and member.size != member.packed:
            raise InputError(f"{member.name}: stored, but of two sizes.")
        if member.size > max(limits.ratio_from, limits.ratio * member.packed):
            raise InputError(
                f"{member.name}: {member.size} bytes out of {member.packed}; at most "
                f"{limits.ratio} times as many."
            )
    total = sum(member.size for member in members)
    if total > limits.total:
        raise InputError(f"the files have {total} bytes together; at most {limits.total}.")


def _check_header(file: BinaryIO, member: Member) -> None:
    """What stands before the content says the same as the list of files."""
    file.seek(member.start)
    data = file.read(LOCAL.size + len(member.name))
    if len(data) < LOCAL.size or not data.startswith(LOCAL_SIGNATURE):
        raise InputError(f"{member.name}: it is not where the list of files says.")
    _, _, flags, method, _, _, crc, packed, size, length, extra = LOCAL.unpack(data[: LOCAL.size])
    said = flags, method, crc, packed, size
    listed = member.flags, member.method, member.crc, member.packed, member.size
    same_name = length == len(member.name) and data[LOCAL.size :] == member.name.encode()
    if said != listed or not same_name:
        raise InputError(f"{member.name}: the list of files says other things than its header.")
    if extra:
        raise InputError(f"{member.name}: an extra field, which bundles do not have.")
