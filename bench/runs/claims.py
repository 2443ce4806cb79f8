"""Which driver has a run done: two may work on one store, and none trains what another does.

A claim is a lock that the system takes back when its process ends, however it ends. It is the
driver's; the lock of `execution` is the worker's, which may outlive a killed driver by seconds.
"""

import fcntl
from pathlib import Path
from typing import TextIO

from noisyseg.bench.runs.held_locks import is_held
from noisyseg.bench.runs.run import Run

NAME = ".claim"  # in the folder of a run


class Claims:
    """The runs that this driver has claimed."""

    def __init__(self) -> None:
        self._held: dict[str, TextIO] = {}

    def has(self, run: Run) -> bool:
        """Whether a run is claimed already."""
        return run.key in self._held

    def take(self, run: Run) -> bool:
        """Claim a run; whether that worked: not if another driver has it."""
        if run.key in self._held:
            return True
        run.folder.mkdir(parents=True, exist_ok=True)
        file = (run.folder / NAME).open("a")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return False
        except BaseException:
            file.close()
            raise
        self._held[run.key] = file
        return True

    def release(self, run: Run) -> None:
        """Let others have the run."""
        file = self._held.pop(run.key, None)
        if file is not None:
            file.close()

    def release_all(self) -> None:
        """Let others have every run."""
        for file in self._held.values():
            file.close()
        self._held.clear()


def is_claimed(folder: Path) -> bool:
    """Whether a driver has the run of this folder done right now."""
    return is_held(folder / NAME)
