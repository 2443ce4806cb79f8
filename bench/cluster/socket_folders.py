"""A folder for Ray with a path short enough for sockets; a batch system's TMPDIR often is not."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from noisyseg.errors import InputError
from noisyseg.socket_paths import SHORT_FOLDERS, SOCKET_BYTES

# What Ray puts behind its folder.
_LONGEST_IN_RAY = "/session_2026-01-31_23-59-59_999999_4194304/sockets/plasma_store"
PREFIX = "ray-"
_FOLDER = f"/{PREFIX}abcdefgh"  # as mkdtemp makes it
_MOST_BYTES = SOCKET_BYTES - len(_FOLDER) - len(_LONGEST_IN_RAY)
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
    places = [chosen] if chosen else [tempfile.gettempdir(), *SHORT_FOLDERS]
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
        return tempfile.mkdtemp(prefix=PREFIX, dir=place), ""
    except OSError as error:
        return None, f"cannot be used ({error.strerror})"
