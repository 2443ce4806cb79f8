"""What every run in a store has come to: done, failed, stopped, running or waiting."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from noisyseg.bench.runs.heartbeat import read_heartbeat
from noisyseg.bench.runs.held_locks import is_held
from noisyseg.bench.runs.process_share import node_name
from noisyseg.files import sha256_bytes, sorted_json
from noisyseg.results.records.metrics import DEFAULT, metric_value
from noisyseg.results.records.noise_name import noise_name
from noisyseg.results.records.record import Record
from noisyseg.results.records.store import RunStore, is_done, is_stopped
from noisyseg.shared_work import in_parts

STATES = ("done", "failed", "stopped", "running", "waiting")
LOCK = ".lock"
_SEEDS = ("noise", "train_seed")
_HEARD_S = 60.0


@dataclass(kw_only=True, slots=True, frozen=True)
class RunState:
    """A run that was begun, or is planned by a driver.

    Attributes:
        state: one of STATES; a failed run that is run again is running. A stopped one was asked
            to (Ctrl-C, SIGTERM), and goes on from its checkpoint.
        data, method, noise: how lists call them.
        setting: equal for runs of which nothing but the seeds differs.
        noise_seed: None for a clean run.
        average: mask AP in percent of a run that is done; None where it has none.
        reason: why a run failed or stopped.
        fault: which kind of failure it was, or who stopped it; None where its record does not say.
        ended: when, in ISO 8601; None if it has not.
        progress: of its training or evaluation (see `heartbeat`); None unless it is running.
    """

    key: str
    state: str
    data: str
    method: str
    noise: str
    setting: str
    noise_seed: int | None
    train_seed: int
    epochs: int
    average: float | None
    reason: str | None
    fault: str | None
    ended: str | None
    progress: Mapping[str, Any] | None


def run_states(
    store: RunStore, folders: Sequence[str] | None = None
) -> tuple[list[RunState], list[str]]:
    """Runs in the order of their folders, and a message for what cannot be read.

    Args:
        store: of the runs.
        folders: theirs; None: every one of the store.
    """

    def of_some(folders: Sequence[str]) -> tuple[list[RunState], list[str]]:
        problems: list[str] = []
        return list(_states(store, folders, problems)), problems

    parts = list(in_parts(of_some, list(store.run_folders()) if folders is None else folders))
    return [run for runs, _ in parts for run in runs], [text for _, told in parts for text in told]


def _states(store: RunStore, folders: Sequence[str], problems: list[str]) -> Iterator[RunState]:
    for folder in folders:
        spec, record = store.run_in(folder, problems)
        if spec is None:
            continue
        try:
            yield _state(folder, spec, record)
        except (LookupError, TypeError, ValueError) as error:
            problems.append(f"{folder}: spec or record is none that noisyseg writes: {error!r}")


def _state(folder: str, spec: Mapping[str, Any], record: Record | None) -> RunState:
    state = state_of(Path(folder), record)
    running = state == "running"
    failure = record["failure"] if record and state in ("failed", "stopped") else None
    noise = spec["noise"]
    return RunState(
        key=folder.rpartition("/")[2],
        state=state,
        data=spec["data"]["name"],
        method=spec["method"]["name"],
        noise=noise_name(noise),
        setting=_setting(spec),
        noise_seed=None if noise is None else noise["seed"],
        train_seed=spec["train_seed"],
        epochs=spec["protocol"]["epochs"],
        average=_average(record),
        reason=failure["message"] if failure else None,
        fault=failure.get("fault") if failure else None,
        ended=record["finished"] if record and not running else None,
        progress=read_heartbeat(Path(folder)) if running else None,
    )


def state_of(folder: Path, record: Record | None) -> str:
    """Of STATES: that of the run in a folder, by its record and by whether it is worked on."""
    # Of a run that is done nobody works any more.
    if not is_done(record) and (is_locked(folder) or is_heard(folder)):
        return "running"
    if is_stopped(record):
        return "stopped"
    return record["status"] if record else "waiting"


def _average(record: Record | None) -> float | None:
    if record is None or not is_done(record):
        return None
    return metric_value(record["metrics"], DEFAULT)


def _setting(spec: Mapping[str, Any]) -> str:
    rest = {part: value for part, value in spec.items() if part not in _SEEDS}
    rest["steps"] = None if spec["noise"] is None else spec["noise"]["steps"]
    return sha256_bytes(sorted_json(rest))


def is_locked(folder: Path) -> bool:
    """Whether a process works on the run right now; a killed one lets go."""
    return is_held(folder / LOCK)


def is_heard(folder: Path) -> bool:
    """Whether another machine said less than a minute ago that it trains the run.

    There are file systems on which no machine sees another one's locks.
    """
    state = read_heartbeat(folder)
    if state is None or state.get("node") in (None, node_name()):
        return False
    return abs(time.time() - state.get("time", 0.0)) < _HEARD_S
