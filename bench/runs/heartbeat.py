"""How far a run is: one small file in its folder, rewritten about once a second.

A file, because the run's folder is the one thing that worker and driver share on every cluster.
"""

import json
import os
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from noisyseg.bench.runs.process_share import device_name, memory_bytes, node_name

NAME = "progress.json"
PREPARATION, TRAINING, EVALUATION = "preparation", "training", "evaluation"
_INTERVAL_S = 1.0
# A training that has said nothing for so long has stopped or is slow: it is shown as silent.
_SILENT_AFTER_S = 120.0
_WINDOW = 10  # of so many writes the pace of steps and images is told


class Heartbeat:
    """Writes a run's progress; a reader sees the last whole state.

    Of a state's fields those that are not known are absent: `stage` (of the three),
    `epoch` (done, a fraction), `epochs`, `loss`, `seconds_left` (of training), `images_per_second`,
    `step_seconds`, `node`, `device`, `memory_bytes` (the device's peak, else what the process has
    resident), `time` (Unix) and `pid`.

    Args:
        folder: the run's.
        epochs: of its whole training.
        also: called with every write, about once a second.
    """

    def __init__(
        self, folder: Path, *, epochs: int, also: Callable[[], None] = lambda: None
    ) -> None:
        self._path = folder / NAME
        self._also = also
        self._epochs = epochs
        self._images: int | None = None
        self._device: str | None = None
        self._began = time.monotonic()
        self._first = 0.0
        self._steps = 0
        self._recent: deque[tuple[float, float, int]] = deque(maxlen=_WINDOW + 1)
        self._written = -_INTERVAL_S

    def preparing(self) -> None:
        """A process has the run, and puts together what it trains."""
        self._write({"stage": PREPARATION, "epoch": 0.0})

    def start(self, epochs_done: float, *, images: int | None = None, device: str = "cpu") -> None:
        """Training begins.

        Args:
            epochs_done: by a checkpoint (a fraction).
            images: of an epoch.
            device: as torch calls it.
        """
        self._began, self._first = time.monotonic(), epochs_done
        self._images = images
        self._device = device_name(device)
        self._recent.append((self._began, self._first, 0))
        self._write({"stage": TRAINING, "epoch": self._first})
        self._written = -_INTERVAL_S  # the first step is told at once

    def training(self, epochs_done: float, loss: float) -> None:
        """Training goes on, after each step: epochs done (a fraction) and the last loss."""
        self._steps += 1
        now = time.monotonic()
        if now - self._written < _INTERVAL_S:
            return
        pace = (now - self._began) / max(epochs_done - self._first, 1e-9)
        state = {
            "stage": TRAINING,
            "epoch": epochs_done,
            "loss": loss,
            "seconds_left": pace * (self._epochs - epochs_done),
        }
        self._write(state | self._recent_pace(now, epochs_done))

    def evaluating(self) -> None:
        """Training is over."""
        self._write({"stage": EVALUATION, "epoch": self._epochs})

    def stop(self) -> None:
        """The run has ended, one way or the other."""
        clear_heartbeat(self._path.parent)

    def _recent_pace(self, now: float, epochs_done: float) -> dict[str, float]:
        """Of the last ten writes, so that it follows what the machine is busy with."""
        self._recent.append((now, epochs_done, self._steps))
        then, epochs_then, steps_then = self._recent[0]
        seconds, steps = now - then, self._steps - steps_then
        if seconds <= 0 or steps <= 0:
            return {}
        pace = {"step_seconds": seconds / steps}
        if self._images is not None:
            pace["images_per_second"] = self._images * (epochs_done - epochs_then) / seconds
        return pace

    def _write(self, state: dict[str, Any]) -> None:
        self._written = time.monotonic()
        where = {
            "epochs": self._epochs,
            "node": node_name(),
            "device": self._device,
            "memory_bytes": memory_bytes(self._device or "cpu"),
            "time": time.time(),
            "pid": os.getpid(),
        }
        scratch = self._path.with_suffix(".part")
        whole = state | {name: value for name, value in where.items() if value is not None}
        scratch.write_text(json.dumps(whole))
        os.replace(scratch, self._path)
        self._also()


def clear_heartbeat(folder: Path) -> None:
    """Forget a run's progress."""
    (folder / NAME).unlink(missing_ok=True)


def read_heartbeat(folder: Path) -> dict[str, Any] | None:
    """A run's last progress; None when it is not running or just began."""
    try:
        state = json.loads((folder / NAME).read_bytes())
    except (OSError, ValueError):
        return None
    return state if isinstance(state, dict) and "epoch" in state else None


def silent_seconds(state: Mapping[str, Any], now: float) -> float | None:
    """How long a training has said nothing, if that is longer than it should be.

    Args:
        state: of a heartbeat.
        now: Unix time. A clock of another machine may be ahead of it or behind.
    Returns:
        None while all is well, and of an evaluation, which says nothing until it ends.
    """
    then = state.get("time")
    if state.get("stage") != TRAINING or not isinstance(then, int | float):
        return None
    # A step may take minutes (many passes on a CPU): four of them are waited for.
    patience = max(_SILENT_AFTER_S, 4 * float(state.get("step_seconds", 0.0)))
    return now - then if now - then > patience else None
