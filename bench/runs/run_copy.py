"""A run's folder copied into another store, its record last: it is not done before."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from noisyseg.bench.datasets.checked_annotations import NOTE as CHECKED
from noisyseg.bench.runs.heartbeat import NAME as PROGRESS
from noisyseg.bench.runs.run_files import file_in_folder
from noisyseg.bench.runs.state import LOCK
from noisyseg.bench.runs.training_note import NAME as TRAINED
from noisyseg.bench.runs.verified_copy import copy_verified
from noisyseg.errors import InputError
from noisyseg.files import sha256_file
from noisyseg.noise.files.noisy_files import MANIFEST_NAME
from noisyseg.results.records.record import Record
from noisyseg.results.records.store import RECORD_NAME

# After what they vouch for.
_LAST = (MANIFEST_NAME, CHECKED, TRAINED, RECORD_NAME)


def files_of(folder: Path) -> list[Path]:
    """A folder's files in the order in which they are copied, but for those of a working process.

    What begins with a point is half a write or a lock.
    """
    found = [
        path
        for path in folder.rglob("*")
        if path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and path.name != PROGRESS
    ]
    return sorted(found, key=lambda path: (_place(path.name), path))


def copy_run(folder: Path, target: Path) -> None:
    """Copy a run's files over those that are there.

    Records that were set aside are evidence about the store they lie in, and stay there.

    Raises:
        InputError: a file cannot be read or written; the run has no new record then.
    """
    for file in _own_files(folder):
        copy_verified(file, target / file.relative_to(folder))


def complete_run(folder: Path, target: Path) -> int:
    """Copy the files that the same run lacks; how many they were."""
    pairs = [(file, target / file.relative_to(folder)) for file in _own_files(folder)]
    return sum(copy_verified(file, place) for file, place in pairs if not place.exists())


def damage(folder: Path, record: Record) -> str | None:
    """Which of a run's files is not what its record says; None if all that are there are."""
    for name, stated in record["checksums"].items():
        file = file_in_folder(name, folder)
        present = stated is not None and file is not None and file.is_file()
        if present and file is not None and sha256_file(file) != stated:
            return f"{file} is not what its record says"
    return None


@contextmanager
def at_rest(folder: Path) -> Iterator[bool]:
    """Whether no process works on a run; while this is held none begins to."""
    try:
        lock = (folder / LOCK).open("rb")
    except FileNotFoundError:  # never begun
        yield True
        return
    except NotADirectoryError as error:
        in_its_way = next(parent for parent in folder.parents if parent.is_file())
        raise InputError(
            f"{in_its_way} is a file: wanted a folder of runs there, or nothing."
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def _own_files(folder: Path) -> list[Path]:
    return [file for file in files_of(folder) if f"{RECORD_NAME}." not in file.name]


def _place(name: str) -> int:
    return _LAST.index(name) + 1 if name in _LAST else 0
