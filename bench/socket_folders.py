"""Folders with paths short enough for sockets: a batch system's TMPDIR often has too long a one."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from noisyseg.errors import InputError

_SOCKET_BYTES = 107  # of a socket's path: sun_path of Linux, less its closing zero byte
# What Ray puts behind its folder, and multiprocessing behind TMPDIR.
_LONGEST_IN_RAY = "/session_2026-01-31_23-59-59_999999_4194304/sockets/plasma_store"
_LONGEST_IN_TMPDIR = "/pymp-abcdefgh/listener-abcdefgh"
_PREFIX = "ray-"
_FOLDER = f"/{_PREFIX}abcdefgh"  # as mkdtemp makes it
_MOST_BYTES = _SOCKET_BYTES - len(_FOLDER) - len(_LONGEST_IN_RAY)
_SHORT = ("/tmp", "/dev/shm", "/var/tmp")
_LEAST_FREE = 32 * 1024 * 1024  # Ray's logs


@contextmanager
def ray_folder() -> Iterator[Path]:
    """A new folder, this user's alone, with a path that is short enough for Ray's sockets.

    Below RAY_TMPDIR where that is set; else below TMPDIR, or where that is too long (as a batch
    system's often is), absent or full, below /tmp, /dev/shm or /var/tmp. Removed at the end.

    Raises:
        InputError: no such place, or RAY_TMPDIR is none.
    """
    chosen = os.environ.get("RAY_TMPDIR")
    places = [chosen] if chosen else [tempfile.gettempdir(), *_SHORT]
    problems = []
    for place in dict.fromkeys(map(os.path.abspath, places)):
        folder, problem = _made_below(place)
        if folder is not None:
            try:
                yield Path(folder)
            finally:
                shutil.rmtree(folder, ignore_errors=True)
            return
        problems.append(f"{place} {problem}")
    raise InputError(
        f"Ray needs a folder for its sockets and logs with a path of at most {_MOST_BYTES} bytes "
        f"and {_LEAST_FREE >> 20} MB free; {'; '.join(problems)}. Set RAY_TMPDIR to one, such as "
        "RAY_TMPDIR=/tmp."
    )


def _made_below(place: str) -> tuple[str | None, str]:
    """A new folder in it, or what is wrong with it."""
    size = len(os.fsencode(place))
    if size > _MOST_BYTES:
        return None, f"is {size} bytes long"
    if not place.isascii():
        return None, "has letters that Ray does not take in a path"
    try:
        if shutil.disk_usage(place).free < _LEAST_FREE:
            return None, "is full"
        return tempfile.mkdtemp(prefix=_PREFIX, dir=place), ""
    except OSError as error:
        return None, f"cannot be used ({error.strerror})"


def shorten_temporary_folder() -> None:
    """Put this process's temporary files where their paths are short enough for sockets.

    The processes that load a run's images hand their tensors over by sockets below TMPDIR, and wait
    for ever where its path is too long for one.
    """
    current = os.fsencode(tempfile.gettempdir())
    if len(current) + len(_LONGEST_IN_TMPDIR) <= _SOCKET_BYTES:
        return
    for place in _SHORT:
        if os.access(place, os.W_OK | os.X_OK):
            tempfile.tempdir = place
            return
