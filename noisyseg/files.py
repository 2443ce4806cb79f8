"""Files that are whole or absent, and the bytes that stand for a value."""

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import orjson

from noisyseg.errors import InputError

_CANONICAL = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
)


def canonical_json(value: Any) -> bytes:
    """Sorted keys, no spaces, UTF-8, floats by repr: equal values give equal bytes.

    Raises:
        ValueError: NaN or infinity, which JSON cannot hold.
    """
    return _CANONICAL.encode(value).encode()


def sorted_json(value: Any) -> bytes:
    """JSON with sorted keys, to tell values apart: equal ones give equal bytes in this process.

    Ten times as fast as `canonical_json`, but no bytes to keep: floats may look otherwise.
    """
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # an integer past 64 bits
        return canonical_json(value)


def sha256_bytes(data: bytes) -> str:
    """SHA-256 of data, 64 hex digits."""
    return hashlib.sha256(data).hexdigest()


def sha256_file(path: Path) -> str:
    """SHA-256 of a file's bytes, 64 hex digits."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def write_atomically(path: Path, data: bytes) -> None:
    """Write data to path so that a reader, or a crash, sees the old file or the new one whole.

    Raises:
        InputError: the folder cannot be made or written to.
    """
    write_blocks_atomically(path, (data,))


def write_blocks_atomically(path: Path, blocks: Iterable[bytes]) -> None:
    """As `write_atomically`, block by block; an error that `blocks` raises leaves path as it was.

    Raises:
        InputError: the folder cannot be made or written to.
    """
    write_together(((path, lambda: blocks),))


def write_together(files: Sequence[tuple[Path, Callable[[], Iterable[bytes]]]]) -> None:
    """Write several files: each is whole beside its place before the first moves into its own.

    An error until then changes nothing; what stops the moves leaves the later files as they were.

    Args:
        files: path and a function that gives its blocks, called in order, so that one may tell what
            the ones before it held. The last is moved into its place last.

    Raises:
        InputError: a folder cannot be made or written to.
    """
    staged: list[tuple[str, Path]] = []
    try:
        for path, blocks in files:
            refuse_special_files([path])
            _stage(path, blocks(), staged)
        for temporary, path in staged:
            os.replace(temporary, path)
    except BaseException as error:
        for temporary, _ in staged:
            Path(temporary).unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise InputError(
                f"cannot write {path}: {error.strerror}. Check its place, the folder's permissions "
                "and the free space."
            ) from error
        raise


def _stage(path: Path, blocks: Iterable[bytes], staged: list[tuple[str, Path]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    staged.append((temporary, path))
    with os.fdopen(handle, "wb") as file:
        for block in blocks:
            file.write(block)
        file.flush()
        os.fsync(file.fileno())
    os.chmod(temporary, 0o666 & ~_umask())  # mkstemp's 0600 would hide results from a group


def refuse_special_files(outputs: Iterable[Path]) -> None:
    """Refuse to put a file in the place of a folder, a device or a pipe.

    Raises:
        InputError: names the first.
    """
    for path in outputs:
        try:
            in_the_way = path.exists() and not path.is_file()
        except OSError as error:  # a name too long for a file
            raise InputError(f"cannot write {path}: {error.strerror}.") from error
        if in_the_way:
            raise InputError(f"cannot write {path}: a folder or a device is there, not a file.")


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
