"""The size of a suite's checkpoints, noted by `run`, so that `plan` need not build the detector."""

from pathlib import Path

from noisyseg.bench.config.suite import Suite
from noisyseg.bench.runs.detectors import checkpoint_size
from noisyseg.bench.runs.environment import package_version
from noisyseg.bench.training.version import TRAINING
from noisyseg.files import canonical_json, sha256_bytes, write_atomically
from noisyseg.results.records.store import RunStore

# The dot keeps it apart from the runs' folders, as that of annotation files.
_FOLDER = ".checkpoint-sizes"


def noted_or_counted(suite: Suite, num_classes: int, store: RunStore) -> int:
    """Bytes of a run's checkpoint: as noted in the store, else of a detector built to count them.

    Nothing is written.
    """
    noted = _noted(_path(suite, num_classes, store))
    if noted is not None:
        return noted
    return checkpoint_size(suite.model, suite.protocol, num_classes)


def note_size(suite: Suite, num_classes: int, store: RunStore) -> None:
    """Note the size, unless it is; mmdet must have built the detector before without an error.

    Raises:
        InputError: the store cannot be written to.
    """
    path = _path(suite, num_classes, store)
    if _noted(path) is None:
        size = checkpoint_size(suite.model, suite.protocol, num_classes)
        write_atomically(path, f"{size}\n".encode())


def _path(suite: Suite, num_classes: int, store: RunStore) -> Path:
    """Named by all that the size hangs on, so that a change of it asks for a new count."""
    counted = {
        "detector": suite.model.detector,
        "num_classes": num_classes,
        "optimizer": suite.protocol["optimizer"]["type"],
        "training": TRAINING,
        "mmdet": package_version("onedl-mmdetection"),
    }
    return store.root / _FOLDER / f"{sha256_bytes(canonical_json(counted))[:16]}.txt"


def _noted(path: Path) -> int | None:
    """The number at path; None if there is none, or something else."""
    try:
        text = path.read_bytes()
    except OSError:
        return None
    whole = text.endswith(b"\n") and text[:-1].isdigit()
    return int(text) if whole else None
