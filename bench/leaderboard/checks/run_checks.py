"""All checks of one run of a bundle, and what they found of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from noisyseg.bench.leaderboard.checks.check import Check, equal
from noisyseg.bench.leaderboard.checks.installed import Cell, Installed
from noisyseg.bench.leaderboard.checks.logs import check_log, logged_fates
from noisyseg.bench.leaderboard.checks.noise import Made, check_noise
from noisyseg.bench.leaderboard.checks.predictions import (
    check_metrics,
    check_predictions,
    check_range,
)
from noisyseg.bench.leaderboard.checks.records import check_spec, read_record
from noisyseg.bench.leaderboard.contents import RUNS, RunEntry
from noisyseg.files import canonical_json, sha256_bytes
from noisyseg.results.evaluation.image_matches import Floats
from noisyseg.results.evaluation.predictions import Predictions
from noisyseg.results.records.record import Record

_CHECKED: tuple[Literal["manifest", "predictions", "log", "noisy_annotations"], ...] = (
    "manifest",
    "predictions",
    "log",
    "noisy_annotations",
)
"""Of a record's checksums: that of its matches is of a file that no bundle has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFound:
    """A run of a bundle, as it was found.

    Attributes:
        record: None of imported predictions, and where there is no whole one.
        predictions: None if they cannot be read, and once they were looked at.
        metrics: what the predictions come to; without data, what the record says; None if neither
            is to be had.
        draws: mask AP of each of the leaderboard's draws of images, if it was asked for.
        logged: what its log says became of wrong labels, in percent.
        checksums: SHA-256 of the run's files by name, as far as they were checked; None for one
            that it has not.
    """

    key: str
    cell: Cell
    record: Record | None
    predictions: Predictions | None
    metrics: Mapping[str, Any] | None
    draws: Floats | None = None
    logged: Mapping[str, float] = field(default_factory=dict)
    checksums: Mapping[str, str | None] = field(default_factory=dict)


def imported_key(suite: str, cell: Cell, sha256: str) -> str:
    """The key of a run that noisyseg did not train.

    Args:
        suite: its name.
        cell: the run's.
        sha256: of its predictions.
    """
    return sha256_bytes(canonical_json(["imported", suite, list(cell), sha256]))[:16]


def cell_of(run: RunEntry) -> Cell:
    """The cell that a bundle says a run to be of."""
    return Cell(run.noise, run.noise_seed, run.train_seed)


def check_run(
    run: RunEntry,
    folder: Path,
    method: Mapping[str, Any],
    made: Mapping[Cell, Made],
    installed: Installed,
) -> tuple[RunFound, list[Check]]:
    """Check a run of a training.

    Args:
        run: as the bundle names it; its setting is one of the suite's.
        folder: of the unpacked bundle.
        method: of all of the bundle's runs, as specs have it.
        made: the noise of every noisy cell, made again; empty without data.
        installed: what all is held against.
    """
    own, cell = folder / RUNS / run.key, cell_of(run)
    record, checks = read_record(own, run.key)
    if record is None:
        found = RunFound(key=run.key, cell=cell, record=None, predictions=None, metrics=None)
        return found, checks
    epochs = installed.suite.protocol["epochs"]
    with_data = installed.data is not None
    checks += check_spec(record, cell, method, installed)
    checks += check_noise(record, own, made.get(cell), with_data=with_data)
    checks += check_log(own, record, epochs)
    checks += check_range(record)
    stated = record["checksums"]["predictions"]
    recomputed, of_predictions = check_predictions(own, run.key, stated, installed)
    checks += of_predictions
    metrics: Mapping[str, Any] | None = recomputed.metrics
    if metrics is not None:
        checks += check_metrics(record, metrics)
    elif not with_data and all(check.state != "fails" for check in checks):
        metrics = record["metrics"]
    found = RunFound(
        key=run.key,
        cell=cell,
        record=record,
        predictions=recomputed.predictions,
        metrics=metrics,
        logged=logged_fates(own, record, epochs),
        checksums={name: record["checksums"][name] for name in _CHECKED},
    )
    return found, checks


def check_imported(
    run: RunEntry, folder: Path, stated: str, installed: Installed
) -> tuple[RunFound, list[Check]]:
    """Check predictions of other code; `stated` is the checksum that the bundle has of them."""
    own, key = folder / RUNS / run.key, imported_key(installed.suite.name, cell_of(run), stated)
    recomputed, checks = check_predictions(own, run.key, stated, installed, trained=False)
    checks.append(equal("record.key", "the run's key is its predictions'", run.key, key, run.key))
    found = RunFound(
        key=run.key,
        cell=cell_of(run),
        record=None,
        predictions=recomputed.predictions,
        metrics=recomputed.metrics,
        checksums={"predictions": stated},
    )
    return found, checks
