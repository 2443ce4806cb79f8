"""What a run's training came to, laid beside its predictions until they are evaluated.

The evaluation needs no GPU and may be another task's, on another node, hours later or once more.
"""

from pathlib import Path
from typing import Annotated, Any, TypedDict

import msgspec

from noisyseg.bench.runs.run import LOG, MANIFEST, PREDICTIONS, Run
from noisyseg.files import canonical_json, sha256_file, write_atomically
from noisyseg.results.records.record import Checksums, Seconds, Time

NAME = "trained.json"  # in the folder of a run
_FILES = {"predictions": PREDICTIONS, "log": LOG, "manifest": MANIFEST}


class TrainingNote(TypedDict):
    """The parts of a record that are known once the predictions are written.

    Attributes:
        key: of the run.
        environment: of the training.
        timings: of training and prediction.
    """

    key: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{16}$")]
    started: Time
    environment: dict[str, Any]
    checksums: Checksums
    lineage: dict[str, Any]
    timings: dict[str, Seconds]


def write_training_note(run: Run, note: TrainingNote) -> None:
    """Write it, whole or not at all: from then on the run's evaluation alone is to be done."""
    write_atomically(run.folder / NAME, canonical_json(note))


def read_training_note(run: Run) -> TrainingNote | None:
    """The run's note; None unless it is this run's and of the files that lie there now."""
    try:
        note = msgspec.json.decode((run.folder / NAME).read_bytes(), type=TrainingNote)
    except (OSError, msgspec.MsgspecError):
        return None
    found = {name: _sha256(run.folder / file) for name, file in _FILES.items()}
    noted = {"key": note["key"], **{name: note["checksums"].get(name) for name in _FILES}}
    return note if noted == {"key": run.key, **found} else None


def clear_training_note(run: Run) -> None:
    """Forget it: the run is evaluated, or is trained once more."""
    (run.folder / NAME).unlink(missing_ok=True)


def _sha256(path: Path) -> str | None:
    return sha256_file(path) if path.is_file() else None
