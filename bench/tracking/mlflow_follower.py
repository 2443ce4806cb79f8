"""Runs as MLflow keeps them: on a server, or in a database such as `sqlite:///mlflow.db`."""

import logging
import os
import time
from collections.abc import Iterable, Mapping
from typing import Any

from noisyseg.bench.runs.run import Run
from noisyseg.bench.tracking.follower import (
    NewEpochs,
    epoch_scalars,
    record_scalars,
    run_settings,
)
from noisyseg.errors import InputError
from noisyseg.results.records.record import Record
from noisyseg.results.records.store import is_done, is_stopped

_KEY = "noisyseg.key"
_EXPERIMENT = "MLFLOW_EXPERIMENT_NAME"  # MLflow's own
_MARK = "train/seconds"  # every epoch has it
_TAG_MOST = 5000  # letters: MLflow refuses longer ones


class MlflowFollower:
    """A run of MLflow for each run, found again by its key.

    The experiment is "noisyseg", or what MLflow's own variable MLFLOW_EXPERIMENT_NAME says.

    Args:
        uri: of MLflow's store.
    Raises:
        InputError: no package mlflow, or no store at the address.
    """

    name = "MLflow"

    def __init__(self, uri: str) -> None:
        # It tells its makers of its use, unless told not to before it is imported.
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        # By itself it tries for minutes; what cannot be told now is told at the next look.
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
        try:
            from mlflow import entities, exceptions
            from mlflow.tracking import MlflowClient
        except ImportError as error:
            raise InputError(
                f"--mlflow needs the package mlflow-skinny, which is not there ({error}): "
                "pip install 'noisyseg[tracking]'"
            ) from error
        # Beside a live table nobody wants to read which tables a database is given.
        for package in ("mlflow", "alembic"):
            logging.getLogger(package).setLevel(logging.WARNING)
        self._entities = entities
        name = os.environ.get(_EXPERIMENT, "noisyseg")
        try:
            self._client = MlflowClient(tracking_uri=uri)
            known = self._client.get_experiment_by_name(name)
            self._experiment = (
                known.experiment_id if known else self._client.create_experiment(name)
            )
        except ImportError as error:  # of a database's driver
            raise InputError(
                f"--mlflow {uri}: {error}: pip install 'noisyseg[tracking]'"
            ) from error
        except exceptions.MlflowException as error:
            raise InputError(f"--mlflow {uri}: MLflow says: {error}") from error
        self._open: dict[str, tuple[str, NewEpochs]] = {}

    def look(self, runs: Iterable[Run]) -> None:
        """Tell the new epochs of these runs."""
        for run in runs:
            if run.key in self._open or NewEpochs(run).read():
                self._tell(run)

    def ended(self, run: Run, record: Record) -> None:
        """Tell the rest of a run, and its metrics or why it failed."""
        own = self._tell(run)
        epochs = run.spec["protocol"]["epochs"]
        self._log(own, record_scalars(record), epochs)
        if not is_done(record):
            self._client.set_tag(own, "failure", record["failure"]["message"][:_TAG_MOST])
        failed = "KILLED" if is_stopped(record) else "FAILED"
        self._client.set_terminated(own, "FINISHED" if is_done(record) else failed)
        self._open.pop(run.key, None)

    def close(self) -> None:
        """Nothing is held open: what was told is there."""

    def _tell(self, run: Run) -> str:
        """Tell what is new; returns MLflow's own id of the run."""
        if run.key not in self._open:
            self._open[run.key] = self._begun(run)
        own, log = self._open[run.key]
        for report in log.read():
            self._log(own, epoch_scalars(report), report["epoch"] + 1)
            log.told = report["epoch"] + 1
        return own

    def _begun(self, run: Run) -> tuple[str, NewEpochs]:
        found = self._client.search_runs([self._experiment], f"tags.`{_KEY}` = '{run.key}'")
        if found:
            own = found[0].info.run_id
            self._client.update_run(own, status="RUNNING")
            told = [metric.step for metric in self._client.get_metric_history(own, _MARK)]
            return own, NewEpochs(run, told=max(told, default=0))
        made = self._client.create_run(self._experiment, run_name=run.label, tags={_KEY: run.key})
        settings = run_settings(run)
        parameters = [self._entities.Param(name, value) for name, value in settings.items()]
        self._client.log_batch(made.info.run_id, params=parameters)
        return made.info.run_id, NewEpochs(run)

    def _log(self, own: str, scalars: Mapping[str, float], step: int) -> None:
        now = int(time.time() * 1000)
        metrics: list[Any] = [
            self._entities.Metric(name, value, now, step) for name, value in scalars.items()
        ]
        if metrics:
            self._client.log_batch(own, metrics=metrics)
