"""The runs of a suite whose logs tell what their class loss did, and what they tell."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from noisyseg.bench.runs.run import LOG, Run
from noisyseg.errors import InputError
from noisyseg.results.records.loss_at_work import Report, half_time
from noisyseg.results.records.record import Record
from noisyseg.results.records.store import RunStore, is_done, is_stopped
from noisyseg.results.records.training_log import NoReportsError, read_reports


@dataclass(kw_only=True, slots=True, frozen=True)
class Observed:
    """A run and its reports, for each box head one an epoch."""

    run: Run
    heads: Sequence[Sequence[Report]]

    def rows(self) -> list[dict[str, Any]]:
        """What its class loss came to, a row for each box head, as data."""
        run = self.run
        return [
            {
                "key": run.key,
                "method": run.method_label,
                "noise": run.noise_label,
                "seed": run.seed_label,
                "head": head + 1,
                "heads": len(self.heads),
                "epochs": len(epochs),
                "half_time": _statistics(epochs, half_time(len(epochs))),
                "last": _statistics(epochs, len(epochs) - 1),
            }
            for head, epochs in enumerate(self.heads)
        ]


@dataclass(kw_only=True, slots=True, frozen=True)
class LossLogs:
    """What the logs of a suite's runs hold.

    Attributes:
        observed: the runs with reports.
        skipped: a line for each run that has none.
        broken: a line for each run whose record or log cannot be read.
    """

    observed: list[Observed]
    skipped: list[str]
    broken: list[str]

    @property
    def silent(self) -> list[str]:
        """A line for each run whose log tells nothing."""
        return [*self.skipped, *self.broken]


def loss_logs(runs: Sequence[Run], store: RunStore) -> LossLogs:
    """Read the logs of the runs that are done."""
    found = LossLogs(observed=[], skipped=[], broken=[])
    for run in runs:
        record, problem = store.peek(run.spec, run.key)
        if problem:
            found.broken.append(problem)
        elif record is None or not is_done(record):
            state = "not run" if record is None or is_stopped(record) else "failed"
            found.skipped.append(f"skipped {run.label}: {state}")
        else:
            try:
                heads = run_reports(run, record)
            except NoReportsError as error:
                found.skipped.append(f"skipped {run.label}: {error}")
            except InputError as error:
                found.broken.append(f"error: {run.label}: {error}")
            else:
                found.observed.append(Observed(run=run, heads=heads))
    return found


def run_reports(run: Run, record: Record) -> Sequence[Sequence[Report]]:
    """What the log of a run that is done tells, for each box head one report an epoch.

    Raises:
        NoReportsError: the noisyseg that trained the run did not count this.
        InputError: the log cannot be read, or is not the one that the record names.
    """
    return read_reports(
        run.folder / LOG,
        epochs=run.spec["protocol"]["epochs"],
        sha256=record["checksums"]["log"],
    )


def _statistics(epochs: Sequence[Report], epoch: int) -> dict[str, Any]:
    report = epochs[epoch]
    parts = ("gamma", "sets", "figure5", "detector", "noisy_shares")
    rois = {group: report[group]["rois"] for group in ("clean", "noisy", "unknown")}
    return {"epoch": epoch, "rois": rois, **{part: report[part] for part in parts}}
