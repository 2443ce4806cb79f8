"""CPU seconds of everything that a call starts, daemons and killed workers included, on Linux.

Looked up as it runs, since Ray's processes don't all wait for those that they start, and times of
processes that nobody waits for are lost. What a process used since the last look is missed.
"""

import ctypes
import os
import threading
import time
from pathlib import Path
from typing import Any

SUBREAPER = 36  # prctl's PR_SET_CHILD_SUBREAPER
EVERY = 0.2  # seconds between looks
STRAGGLERS = 20.0  # seconds that orphans may take to end
TICK = os.sysconf("SC_CLK_TCK")


class TreeSeconds:
    """CPU seconds of this process's descendants that began while it is entered.

    Attributes:
        total: known after the exit, which waits for those left behind.
    """

    total: float

    def __enter__(self) -> "TreeSeconds":
        """Let orphans come to this process, and begin to look."""
        ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0)
        self._seen: dict[tuple[int, int], float] = {}
        self._ended = threading.Event()
        self._looking = threading.Thread(target=self._look, daemon=True)
        self._looking.start()
        return self

    def __exit__(self, *_: Any) -> None:
        """Wait for orphans, then end."""
        _reap()
        self._ended.set()
        self._looking.join()
        self.total = sum(self._seen.values())

    def _look(self) -> None:
        while not self._ended.wait(EVERY):
            self._seen |= descendants(os.getpid())


def descendants(root: int) -> dict[tuple[int, int], float]:
    """CPU seconds of a process's descendants; a process is its number and when it began."""
    found: dict[int, tuple[int, int, float]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            # The name before it, in brackets, may hold anything.
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has ended
        parent, user, system, began = (int(fields[place]) for place in (1, 11, 12, 19))
        found[int(path.parent.name)] = (parent, began, (user + system) / TICK)
    below = {root}
    while more := {pid for pid, (parent, *_) in found.items() if parent in below} - below:
        below |= more
    return {(pid, found[pid][1]): found[pid][2] for pid in below - {root} if pid in found}


def _reap() -> None:
    until = time.monotonic() + STRAGGLERS
    while time.monotonic() < until:
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                time.sleep(0.1)
        except ChildProcessError:
            return
