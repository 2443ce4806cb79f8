import multiprocessing

import cv2
import pytest
from torch.utils.data import DataLoader, Dataset

from noisyseg.bench.training.loader_process import alone_on_its_core
from noisyseg.bench.training.prediction import _loader
from noisyseg.bench.training.run_dataset import RunDataset
from noisyseg.bench.training.train_loader import train_loader


class Threads(Dataset):
    """Says how many threads OpenCV has where an item is loaded."""

    def __len__(self):
        return 4

    def __getitem__(self, _):
        return cv2.getNumThreads()


@pytest.fixture
def four_threads():
    before = cv2.getNumThreads()
    cv2.setNumThreads(4)
    yield
    cv2.setNumThreads(before)


def test_a_loaders_processes_start_no_threads_of_their_own(four_threads):
    loader = DataLoader(Threads(), num_workers=2, worker_init_fn=alone_on_its_core)
    assert {int(threads) for threads in loader} <= {0, 1}
    assert cv2.getNumThreads() == 4


@pytest.fixture
def spawning():
    """As in a process that was spawned, which would spawn its own."""
    before = multiprocessing.get_start_method()
    multiprocessing.set_start_method("spawn", force=True)
    yield
    multiprocessing.set_start_method(before, force=True)


def test_images_are_loaded_in_a_process_that_was_spawned_too(spawning):
    # A spawned loader process would import this file, and with it mmdet, which nobody brought up.
    loader = _loader(Threads(), [[0], [1, 2]], pinned=False, workers=1)
    assert [len(batch) for batch in loader] == [1, 2]


def test_both_loaders_begin_their_processes_so():
    empty = RunDataset.__new__(RunDataset)
    loaders = [
        _loader(empty, [], pinned=False, workers=2),
        train_loader(empty, batch_size=1, workers=2),
    ]
    assert [loader.worker_init_fn for loader in loaders] == [alone_on_its_core] * 2
    assert {loader.multiprocessing_context.get_start_method() for loader in loaders} == {"fork"}
