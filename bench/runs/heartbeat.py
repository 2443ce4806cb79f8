"""How far a run is: one small file in its folder, rewritten about once a second.

A file, because the run's folder is the one thing that worker and driver share on every cluster.
"""

import json
import os
import time
from pathlib import Path
from typing import Any

NAME = "progress.json"
_INTERVAL_S = 1.0


class Heartbeat:
    """Writes a run's progress; a reader sees the last whole state."""

    def __init__(self, folder: Path, *, epochs: int) -> None:
        self._path = folder / NAME
        self._epochs = epochs
        self._began = time.monotonic()
        self._first = 0.0
        self._written = -_INTERVAL_S

    def start(self, epochs_done: float) -> None:
        """Training begins, from a checkpoint after so many epochs (a fraction)."""
        self._began, self._first = time.monotonic(), epochs_done

    def training(self, epochs_done: float, loss: float) -> None:
        """Training goes on: epochs done (a fraction) and the last loss."""
        if time.monotonic() - self._written < _INTERVAL_S:
            return
        pace = (time.monotonic() - self._began) / max(epochs_done - self._first, 1e-9)
        left = pace * (self._epochs - epochs_done)
        self._write(
            {
                "stage": "training",
                "epoch": epochs_done,
                "epochs": self._epochs,
                "loss": loss,
                "seconds_left": left,
            }
        )

    def evaluating(self) -> None:
        """Training is over."""
        self._write({"stage": "evaluation", "epoch": self._epochs, "epochs": self._epochs})

    def stop(self) -> None:
        """The run has ended, one way or the other."""
        clear_heartbeat(self._path.parent)

    def _write(self, state: dict[str, Any]) -> None:
        self._written = time.monotonic()
        scratch = self._path.with_suffix(".part")
        scratch.write_text(json.dumps(state))
        os.replace(scratch, self._path)


def clear_heartbeat(folder: Path) -> None:
    """Forget a run's progress."""
    (folder / NAME).unlink(missing_ok=True)


def read_heartbeat(folder: Path) -> dict[str, Any] | None:
    """A run's last progress; None when it is not running or just began."""
    try:
        state = json.loads((folder / NAME).read_text())
    except (OSError, ValueError):
        return None
    return state if isinstance(state, dict) else None
