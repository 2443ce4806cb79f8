"""A file that is still coming: `NAME.part`.

Beside it stand `NAME.part.json`, which version of the file its bytes are of, and `NAME.part.lock`,
by which other processes wait.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from noisyseg.errors import InputError


@contextmanager
def alone(part: Path) -> Iterator[None]:
    """One process at a time adds to part; the others wait here."""
    lock = part.with_name(f"{part.name}.lock")
    try:
        part.parent.mkdir(parents=True, exist_ok=True)
        file = _locked(lock)
    except OSError as error:
        raise InputError(f"cannot write {lock}: {error.strerror}.") from error
    with file:
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)


def _locked(lock: Path) -> IO[bytes]:
    """The file, locked; not one that whoever had it before has deleted meanwhile."""
    while True:
        file = lock.open("ab")
        with suppress(OSError):  # not every network file system has locks
            fcntl.flock(file, fcntl.LOCK_EX)
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file.fileno()), lock.stat()):
                return file
        file.close()


def note_of(part: Path) -> Path:
    """Where it stands which version of the file the bytes are of."""
    return part.with_name(f"{part.name}.json")


def state_of(part: Path) -> dict[str, Any]:
    """What that note says; empty if there is none."""
    try:
        state = json.loads(note_of(part).read_bytes())
    except (OSError, ValueError):
        return {}
    return state if isinstance(state, dict) else {}


def size_of(part: Path) -> int:
    """How many bytes have come."""
    return part.stat().st_size if part.is_file() else 0


def forget(part: Path) -> None:
    """Delete what has come."""
    part.unlink(missing_ok=True)
    note_of(part).unlink(missing_ok=True)
