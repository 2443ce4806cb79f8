"""A training's batches: each epoch's order drawn from (train seed, epoch), loaded by processes."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from mmdet.datasets.samplers import AspectRatioBatchSampler
from mmengine.dataset import pseudo_collate
from torch.utils.data import BatchSampler, DataLoader, Sampler

from noisyseg.bench.training.loader_process import alone_on_its_core, start_method
from noisyseg.bench.training.run_dataset import RunDataset
from noisyseg.bench.training.streams import stream_seed


class EpochSampler(Sampler[int]):
    """A permutation per epoch, drawn from (train seed, epoch)."""

    def __init__(self, dataset: RunDataset) -> None:
        self.dataset = dataset

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator()
        generator.manual_seed(stream_seed(self.dataset.train_seed, "shuffle", self.dataset.epoch))
        return iter(torch.randperm(len(self), generator=generator).tolist())

    def __len__(self) -> int:
        return len(self.dataset)


class EpochBatches(Sampler[list[tuple[int, int]]]):
    """An epoch's batches, each image as (epoch, index).

    Attributes:
        batches: groups the indices.
        first: so many batches are passed over; set before the data loader starts an epoch.
        own: which of an epoch's batches (numbered from 0) are loaded here; the others are another
            rank's, and still count in the length.
    """

    def __init__(self, batches: BatchSampler, dataset: RunDataset) -> None:
        self.batches = batches
        self.dataset = dataset
        self.first = 0
        self.own: Callable[[int], bool] = lambda number: True

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        epoch = self.dataset.epoch
        for number, batch in enumerate(self.batches):
            if number >= self.first and self.own(number):
                yield [(epoch, index) for index in batch]

    def __len__(self) -> int:
        return len(self.batches)


def train_loader(
    dataset: RunDataset,
    *,
    batch_size: int,
    workers: int,
    grouped: bool = False,
    pinned: bool = False,
    collate: Callable[[Sequence[Any]], Any] = pseudo_collate,
) -> DataLoader[Any]:
    """Batches of `dataset.epoch`, as it is when one begins to iterate.

    The last, smaller batch is kept, as mmdet keeps it. Processes are started once, not an epoch.

    Args:
        dataset: of training images.
        batch_size: images of a forward pass.
        workers: processes that load them.
        grouped: whether a batch holds upright images or lying ones alone, as far as they go round,
            so that less of it is padding.
        pinned: whether images lie where a GPU can fetch them by itself.
        collate: makes a batch of samples.
    """
    sampler = EpochSampler(dataset)
    kind = AspectRatioBatchSampler if grouped else BatchSampler
    return DataLoader(
        dataset,
        batch_sampler=EpochBatches(kind(sampler, batch_size, drop_last=False), dataset),
        num_workers=workers,
        collate_fn=collate,
        persistent_workers=workers > 0,
        pin_memory=pinned,
        worker_init_fn=alone_on_its_core,
        multiprocessing_context=start_method(workers),
    )


def batches_from(loader: DataLoader[Any], first: int) -> Iterator[Any]:
    """The loader's batches of the present epoch from one on (0-based); those before are not loaded.

    Args:
        loader: as `train_loader` makes it.
        first: which batch.
    """
    assert isinstance(loader.batch_sampler, EpochBatches)
    loader.batch_sampler.first = first
    return iter(loader)
