"""Runs as TensorBoard shows them: `tensorboard --logdir FOLDER`."""

import json
from collections.abc import Iterable
from pathlib import Path
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


class TensorBoardFollower:
    """A folder of event files for each run, below one folder.

    Steps are epochs done. A driver that goes on with a run tells it whole: TensorBoard forgets
    what an earlier one told.

    Args:
        folder: of TensorBoard; made if it is not there.
    Raises:
        InputError: no package tensorboard, or a folder that cannot be written to.
    """

    name = "TensorBoard"

    def __init__(self, folder: Path) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise InputError(
                f"--tensorboard needs the package tensorboard, which is not there ({error}): "
                "pip install 'noisyseg[tracking]'"
            ) from error
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                f"--tensorboard {folder}: no such folder can be made: {error}"
            ) from error
        self._folder, self._new_writer = folder, SummaryWriter
        self._open: dict[str, tuple[Any, NewEpochs]] = {}

    def look(self, runs: Iterable[Run]) -> None:
        """Write the new epochs of these runs."""
        for run in runs:
            self._tell(run)

    def ended(self, run: Run, record: Record) -> None:
        """Write the rest of a run and its metrics."""
        self._tell(run)
        scalars = record_scalars(record)
        if run.key not in self._open and scalars:
            self._begin(run, NewEpochs(run))
        if run.key not in self._open:
            return
        writer, _ = self._open.pop(run.key)
        for name, value in scalars.items():
            writer.add_scalar(name, value, run.spec["protocol"]["epochs"])
        writer.close()

    def close(self) -> None:
        """Close every file."""
        while self._open:
            _, (writer, _) = self._open.popitem()
            writer.close()

    def _tell(self, run: Run) -> None:
        known = self._open.get(run.key)
        log = NewEpochs(run) if known is None else known[1]
        reports = log.read()
        if not reports:
            return
        writer = known[0] if known else self._begin(run, log)
        for report in reports:
            for name, value in epoch_scalars(report).items():
                writer.add_scalar(name, value, report["epoch"] + 1)
            log.told = report["epoch"] + 1
        writer.flush()

    def _begin(self, run: Run, log: NewEpochs) -> Any:
        # From step 0: what an earlier driver told of the run is told again.
        writer = self._new_writer(str(self._folder / _folder_name(run)), purge_step=0)
        settings = json.dumps(run_settings(run), indent=2, ensure_ascii=False)
        writer.add_text("settings", f"```\n{settings}\n```")
        self._open[run.key] = writer, log
        return writer


def _folder_name(run: Run) -> str:
    """What TensorBoard calls the run; the key keeps apart what labels do not."""
    seed = str(run.seed_label).replace("/", "-")
    name = f"{run.method_label}_{run.noise_label}_seed{seed}_{run.key[:8]}"
    return "".join(letter if letter.isalnum() or letter in "._-+" else "-" for letter in name)
