"""A file copied so that its place holds it whole, or what was there before."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from noisyseg.errors import InputError
from noisyseg.files import sha256_file, write_blocks_atomically

_BLOCK = 1 << 20


def copy_verified(source: Path, target: Path) -> bool:
    """Copy a file and read the copy back; nothing is written where the same bytes are already.

    Returns:
        Whether it was copied.

    Raises:
        InputError: either cannot be read or written, or the copy is not what was read.
    """
    if is_same(source, target):
        return False
    digest = hashlib.sha256()
    write_blocks_atomically(target, _hashed_blocks(source, digest))
    if sha256_file(target) != digest.hexdigest():
        target.unlink()
        raise InputError(
            f"{target} does not read back as it was written from {source}: look after the disk, "
            "then call again."
        )
    return True


def is_same(source: Path, target: Path) -> bool:
    """Whether both files are there and hold the same bytes."""
    try:
        same_size = source.stat().st_size == target.stat().st_size
    except FileNotFoundError:
        return False
    return same_size and sha256_file(source) == sha256_file(target)


def _hashed_blocks(source: Path, digest: "hashlib._Hash") -> Iterator[bytes]:
    try:
        with source.open("rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
                yield block
    except OSError as error:
        raise InputError(f"cannot read {source}: {error.strerror}.") from error
