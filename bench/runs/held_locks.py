"""Locks of files, as another process may hold them."""

import fcntl
from pathlib import Path


def is_held(file: Path) -> bool:
    """Whether a process has locked a file for itself right now; a killed one lets go."""
    try:
        with file.open("rb") as opened:
            fcntl.flock(opened, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # nobody ever did
        return False
    return False
