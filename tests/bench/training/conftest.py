"""mmdet, brought up before a test module here imports what needs it; one tiny data set."""

import multiprocessing
import pickle
import time
import warnings
from itertools import count
from pathlib import Path

import pytest
import torch

from noisyseg.bench.datasets.formats.shapes import ShapesSettings, generate_shapes
from noisyseg.bench.training.ranks import joined
from noisyseg.bench.training.stack import load_stack

load_stack()


@pytest.fixture(scope="session")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 8 training and 4 validation images of 64 × 64 pixels."""
    settings = ShapesSettings(size=64, train_images=8, val_images=4)
    return generate_shapes(tmp_path_factory.mktemp("cache"), settings)


@pytest.fixture(scope="session")
def tiny():
    """Builds the model `mask-rcnn-tiny` for 8 classes."""
    from noisyseg.bench.config.model import load_model
    from noisyseg.bench.training.detector import build_detector

    config = load_model("mask-rcnn-tiny", where="", root=Path()).detector

    def build(seed=0, weights=None, num_classes=8, batched=True):
        return build_detector(
            config, num_classes=num_classes, seed=seed, weights=weights, batched=batched
        )

    return build


@pytest.fixture
def on_ranks(tmp_path: Path):
    """Calls a function of `Ranks` in a process for each rank; what each of them came to.

    Forked: mmdet need not be imported anew. What a rank raises is its outcome; of one that died,
    it is None.
    """
    forking = multiprocessing.get_context("fork")
    meetings = count()

    def body(number: int, ranks: int, meeting: str, work, outcome) -> None:
        torch.set_num_threads(1)  # OpenMP's threads are not there after a fork
        cpu = torch.device("cpu")
        try:
            with joined(rank=number, count=ranks, meeting=meeting, device=cpu) as own:
                found = work(own)
        except Exception as error:  # noqa: BLE001
            found = error
        outcome.send_bytes(pickle.dumps(found))  # tensors too, whole

    def call(work, ranks: int = 2, seconds: float = 60.0, meeting: str | None = None):
        meeting = meeting or f"file://{tmp_path}/meeting-{next(meetings)}"
        ends, processes = [], []
        for number in range(ranks):
            here, there = forking.Pipe(duplex=False)
            process = forking.Process(target=body, args=(number, ranks, meeting, work, there))
            with warnings.catch_warnings():  # of forking beside threads, of which none is used
                warnings.simplefilter("ignore", DeprecationWarning)
                process.start()
            there.close()
            ends.append(here)
            processes.append(process)
        deadline = time.monotonic() + seconds
        try:
            return [_received(end, deadline) for end in ends]
        finally:
            for process in processes:
                process.kill()
                process.join()

    return call


def _received(end, deadline: float):
    if not end.poll(max(0.0, deadline - time.monotonic())):
        pytest.fail("a rank had no end in time")
    try:
        return pickle.loads(end.recv_bytes())
    except EOFError:
        return None
