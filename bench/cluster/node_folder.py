"""A node's own folders for a store that it does not see: annotation files, and a place for a run.

TEMPORARY/noisyseg-UID/STORE/annotations/…   shared by its workers, and by later drivers
TEMPORARY/noisyseg-UID/STORE/runs/NUMBER/    one worker's, for one run
"""

import fcntl
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from noisyseg.errors import InputError

_ALIVE = ".alive"  # locked by the worker whose folder it is
_LOCK = ".lock"
_KEPT_S = 14 * 24 * 3600.0  # of annotation files, since a worker last came to their store


class NodeFolder(NamedTuple):
    """Folders on this machine.

    Attributes:
        annotations: of annotation files, for all workers.
        run: of one run, in place of a store's root.
    """

    annotations: Path
    run: Path


@contextmanager
def node_folder(store: str) -> Iterator[NodeFolder]:
    """This machine's folders for a store; that of the run is removed at the end.

    So are those of workers that were killed.

    Args:
        store: its name.
    Raises:
        InputError: the temporary folder cannot be written to, or somebody else's is in the way.
    """
    try:
        base = _private_folder() / store
        runs = base / "runs"
        runs.mkdir(parents=True, exist_ok=True)
        with alone_with(base.parent / _LOCK):
            os.utime(base)
            _sweep(base.parent)
            own = Path(tempfile.mkdtemp(dir=runs, prefix=""))
            alive = (own / _ALIVE).open("w")
            fcntl.flock(alive, fcntl.LOCK_EX)
    except OSError as error:
        raise InputError(
            f"no folder for a run can be made in {tempfile.gettempdir()}: {error.strerror}. Set "
            "TMPDIR on this node to a folder with room, or let it see the folder of --out."
        ) from error
    try:
        with alive:
            yield NodeFolder(base / "annotations", own)
    finally:
        shutil.rmtree(own, ignore_errors=True)


def _private_folder() -> Path:
    """The folder of this user's, in which nobody else can have put anything.

    Raises:
        InputError: another user's is there.
    """
    path = Path(tempfile.gettempdir(), f"noisyseg-{os.getuid()}")
    with suppress(FileExistsError):
        path.mkdir(mode=0o700)
    status = path.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid():
        raise InputError(f"{path} is another user's, or no folder: remove it, or set TMPDIR.")
    return path


def _sweep(private: Path) -> None:
    """Remove what workers that were killed have left, and stores that nobody comes back to."""
    for run in private.glob("*/runs/*"):
        if not _is_alive(run):
            shutil.rmtree(run, ignore_errors=True)
    for store in [runs.parent for runs in private.glob("*/runs")]:
        long_ago = time.time() - store.stat().st_mtime > _KEPT_S
        if long_ago and not any((store / "runs").iterdir()):
            shutil.rmtree(store, ignore_errors=True)


def _is_alive(run: Path) -> bool:
    """Whether the worker whose folder this is lives: the system takes back a killed one's lock."""
    try:
        with (run / _ALIVE).open("rb") as alive:
            fcntl.flock(alive, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


@contextmanager
def alone_with(lock_file: Path) -> Iterator[None]:
    """Wait until no other process of this machine has the file's lock, and hold it."""
    with lock_file.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
