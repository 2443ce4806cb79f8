"""The size of a suite's checkpoints, noted by `run`, so that `plan` need not build the detector."""

import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from pathlib import Path

from noisyseg.bench.config.model import Model
from noisyseg.bench.config.protocol import Protocol
from noisyseg.bench.config.suite import Suite
from noisyseg.bench.runs.detectors import checkpoint_size, load_mmdet
from noisyseg.bench.runs.environment import package_version
from noisyseg.bench.training.version import TRAINING
from noisyseg.errors import InputError
from noisyseg.files import canonical_json, sha256_bytes, write_atomically
from noisyseg.results.records.store import RunStore

# The dot keeps it apart from the runs' folders, as that of annotation files.
_FOLDER = ".checkpoint-sizes"

Count = Callable[[Model, Protocol, int], int]
"""Bytes of a checkpoint, of a detector with so many classes that is built to count them."""


def noted_or_counted(suite: Suite, num_classes: int, store: RunStore, count: Count) -> int:
    """Bytes of a run's checkpoint: as noted in the store, else as counted. Nothing is written."""
    noted = _noted(_path(suite, num_classes, store))
    if noted is not None:
        return noted
    return count(suite.model, suite.protocol, num_classes)


@contextmanager
def counting_beside(store: RunStore) -> Iterator[Count]:
    """What counts a size: another process, which imports meanwhile what that takes; or this one.

    It is started where the store has no size noted, and ended with the context, whatever it does.
    """
    if (store.root / _FOLDER).is_dir():
        yield checkpoint_size
        return
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    beside = context.Process(target=_count_for, args=(theirs,), daemon=True)
    beside.start()
    theirs.close()

    def count(model: Model, protocol: Protocol, num_classes: int) -> int:
        try:
            ours.send((model, protocol, num_classes))
            answer = ours.recv()
        except (EOFError, OSError):  # it was killed
            return checkpoint_size(model, protocol, num_classes)
        if isinstance(answer, Exception):
            raise answer
        return int(answer)

    try:
        yield count
    finally:
        beside.terminate()
        beside.join()
        ours.close()


def _count_for(asked: Connection) -> None:
    """Answer what the other process asks, until it closes the connection or ends."""
    with suppress(EOFError, OSError):
        while True:
            answer: int | Exception
            try:
                load_mmdet()
                answer = checkpoint_size(*asked.recv())
            except (InputError, ImportError) as error:
                answer = error
            asked.send(answer)


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
        # Left out where nothing is averaged, as by those that noted sizes before it could be.
        **({"averaged": True} if "average_last" in suite.protocol else {}),
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
