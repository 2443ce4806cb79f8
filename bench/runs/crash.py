"""What a driver finds out about a run whose process gave no answer."""

import time
from contextlib import suppress

from noisyseg.bench.runs.heartbeat import NAME as PROGRESS
from noisyseg.bench.runs.heartbeat import TRAINING, read_heartbeat
from noisyseg.bench.runs.run import Run

# A watchdog ends a process a little after its limit, and a driver hears of it a little later.
_MARGIN_S = 60.0


def progress_of(run: Run) -> object:
    """How far a run's checkpoints have come: it differs where there is a newer one."""
    try:
        stat = run.checkpoint.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size


def is_hung(run: Run, limit: float | None) -> bool:
    """Whether a run that has just died made no step in its time: its watchdog ended it.

    An evaluation is watched by nobody, and says nothing until it ends.
    """
    state = read_heartbeat(run.folder)
    if limit is None or state is None or state.get("stage") != TRAINING:
        return False
    try:
        silent = time.time() - (run.folder / PROGRESS).stat().st_mtime
    except OSError:
        return False
    return limit - 1 <= silent <= limit + _MARGIN_S


def add_to_output(run: Run, text: str) -> None:
    """Tell a run's log what its process could not; where there is no room, nothing is told."""
    if text:
        with suppress(OSError), run.output.open("a", encoding="utf-8") as file:
            file.write(f"{text.rstrip()}\n")
