"""The bytes of an annotation file, without a copy of them."""

import mmap
from pathlib import Path

from noisyseg.errors import InputError

Content = bytes | mmap.mmap
"""The bytes of a file."""


def map_file(path: Path) -> Content:
    """The bytes of an annotation file, in memory that the system can take back.

    The file must not change meanwhile; noisyseg's own writers put a new file in its place.

    Raises:
        InputError: the file is missing or cannot be read.
    """
    try:
        with path.open("rb") as file:
            try:
                return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            except (ValueError, OSError):  # empty, or a pipe
                return file.read()
    except OSError as error:
        raise InputError(
            f"cannot read the annotation file {path}: {error.strerror}. Check the path and its "
            f"permissions."
        ) from error


def let_go(data: Content) -> None:
    """Give the memory of a mapped file's bytes back; they are read again where they are used."""
    if isinstance(data, mmap.mmap):
        data.madvise(mmap.MADV_DONTNEED)
