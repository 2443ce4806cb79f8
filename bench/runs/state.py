"""What every run in a store has come to: done, failed, running or waiting."""

import fcntl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from noisyseg.bench.runs.heartbeat import read_heartbeat
from noisyseg.results.records.record import Record
from noisyseg.results.records.store import RunStore

STATES = ("done", "failed", "running", "waiting")
LOCK = ".lock"


@dataclass(kw_only=True, slots=True, frozen=True)
class RunState:
    """A run that was begun, or is planned by a driver.

    Attributes:
        state: one of STATES; a failed run that is run again is running.
        record: of its last end; None if it has not ended.
        progress: of its training or evaluation (see `heartbeat`); None unless it is running.
    """

    key: str
    spec: Mapping[str, Any]
    state: str
    record: Record | None
    progress: Mapping[str, Any] | None


def run_states(store: RunStore) -> tuple[list[RunState], list[str]]:
    """Every run in the order of their folders, and a message for what cannot be read."""
    records, problems = store.all_records()
    specs, spec_problems = store.all_specs()
    by_folder = {store.folder(record["spec"]): record for record in records}
    known = {store.folder(spec): spec for spec in specs}
    known |= {folder: record["spec"] for folder, record in by_folder.items()}
    states = [_state(folder, known[folder], by_folder.get(folder)) for folder in sorted(known)]
    return states, problems + spec_problems


def _state(folder: Path, spec: Mapping[str, Any], record: Record | None) -> RunState:
    running = is_locked(folder)
    state = "running" if running else record["status"] if record else "waiting"
    progress = read_heartbeat(folder) if running else None
    return RunState(key=folder.name, spec=spec, state=state, record=record, progress=progress)


def is_locked(folder: Path) -> bool:
    """Whether a process works on the run right now; a killed one lets go."""
    try:
        with (folder / LOCK).open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # never begun
        return False
    return False
