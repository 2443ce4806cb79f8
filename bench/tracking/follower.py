"""What a tracker is told of runs: their logs, as these grow, and their records.

Nothing of it is in the way of a training: the driver's process reads what runs write anyway.
"""

import json
import os
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from noisyseg.bench.runs.run import LOG, Run
from noisyseg.results.records.metrics import METRICS, metric_value
from noisyseg.results.records.record import Record
from noisyseg.results.records.store import is_done


class Follower(Protocol):
    """Hands on what is new of runs."""

    name: str
    """How the tracker is called."""

    def look(self, runs: Iterable[Run]) -> None:
        """Tell what the logs of these runs, which have not ended, have that was not told yet."""

    def ended(self, run: Run, record: Record) -> None:
        """Tell the rest of a run that has ended, and what it has come to."""

    def close(self) -> None:
        """Let go of everything; runs that have not ended stay open for the next driver."""


class NewEpochs:
    """The lines of a run's log that have not been told.

    An epoch is told once: of one that a run does again, as it went on from an earlier checkpoint,
    the first line stands.

    Args:
        run: whose log it is.
        told: how many epochs are told; whoever has told one counts it.
    """

    def __init__(self, run: Run, *, told: int = 0) -> None:
        self._path = run.folder / LOG
        self.told = told
        self._seen: tuple[int, int] | None = None
        self._reports: list[dict[str, Any]] = []

    def read(self) -> list[dict[str, Any]]:
        """Those that are not told; none where there is no log yet."""
        try:
            state = os.stat(self._path)
            seen = state.st_mtime_ns, state.st_size
            if seen != self._seen:
                lines = self._path.read_text(encoding="utf-8").splitlines()
                self._reports, self._seen = [json.loads(line) for line in lines], seen
        except OSError:
            return []
        return [report for report in self._reports if report["epoch"] >= self.told]


def epoch_scalars(report: Mapping[str, Any]) -> dict[str, float]:
    """The numbers of an epoch's line, by the names that a tracker shows."""
    return {
        f"train/{name}": float(value)
        for name, value in report.items()
        if name != "epoch" and isinstance(value, int | float)
    }


def record_scalars(record: Record) -> dict[str, float]:
    """The metrics of a run that is done, in percent; none of one that failed."""
    if not is_done(record):
        return {}
    values = {name: metric_value(record["metrics"], name) for name in METRICS}
    return {
        f"eval/{name.replace('.', '/')}": value
        for name, value in values.items()
        if value is not None
    }


def run_settings(run: Run) -> dict[str, str]:
    """What decides the run's result, in words."""
    spec = run.spec
    method = spec["method"]
    return {
        "data": spec["data"]["name"],
        "model": spec["model"]["name"],
        "protocol": spec["protocol"]["name"],
        "epochs": str(spec["protocol"]["epochs"]),
        "noise": run.noise_label,
        "method": run.method_label,
        **{f"method.{name}": str(value) for name, value in method["parameters"].items()},
        "train_seed": str(run.seed),
        **({} if run.noise_seed is None else {"noise_seed": str(run.noise_seed)}),
    }
