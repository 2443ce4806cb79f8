"""What is seen of a store by whoever did not start its runs: on another terminal or machine."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from noisyseg.bench.cluster.suite_pace import SuitePace
from noisyseg.bench.cluster.watched_runs import Look, Tally
from noisyseg.bench.runs.heartbeat import PREPARATION
from noisyseg.bench.runs.run import label_of_seeds
from noisyseg.bench.runs.state import RunState, run_states
from noisyseg.results.records.store import RunStore

_WAITING = ("waiting", "stopped")


class StoreWatch:
    """Looks at a store again and again; of a run that was done its record is read once."""

    def __init__(self, store: RunStore) -> None:
        self._store = store
        self._done: dict[str, RunState] = {}

    def states(self) -> tuple[list[RunState], list[str]]:
        """As `run_states` of the whole store."""
        folders = list(self._store.run_folders())
        others, problems = run_states(self._store, [at for at in folders if at not in self._done])
        by_key = {run.key: run for run in others}
        self._done = {at: self._done[at] for at in folders if at in self._done}
        for at in folders:
            run = by_key.get(at.rpartition("/")[2])
            if run is not None and run.state == "done":
                self._done[at] = run
        return [*self._done.values(), *(run for run in others if run.state != "done")], problems


def look_at(states: Sequence[RunState]) -> Look:
    """The look of a display, from the states of a store's runs."""
    found = Counter(run.state for run in states)
    running = [run for run in states if run.state == "running"]
    waiting = Counter(_kind(run) for run in states if run.state in _WAITING)
    several = len({run.data for run in states}) > 1
    told = [(_kind(run), _progress(run)) for run in running]
    return Look(
        under_way=[(_label(run, several=several), _progress(run)) for run in running],
        tally=Tally(
            waiting=sum(found[state] for state in _WAITING),
            running=found["running"],
            done=found["done"],
            failed=found["failed"],
        ),
        seconds_left=SuitePace().left(told, waiting, len(running)) if running else None,
    )


def _label(run: RunState, *, several: bool) -> str:
    """How the run is called, from what the store says of it; its data if it has several."""
    seeds = label_of_seeds(run.noise_seed, run.train_seed)
    data = f"{run.data} · " if several else ""
    return f"{data}{run.method} · {run.noise} · seed {seeds}"


def _kind(run: RunState) -> str:
    return f"{run.data} {run.method} {run.epochs}"


def _progress(run: RunState) -> dict[str, Any]:
    """The heartbeat; of a run that has given none yet that it has begun."""
    return {"stage": PREPARATION, "epoch": 0.0, "epochs": run.epochs, **(run.progress or {})}
