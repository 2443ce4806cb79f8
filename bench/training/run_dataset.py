"""A run's images: mmdet's COCO data set, shuffled and augmented from (train seed, epoch) alone."""

import contextlib
import io
import random
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmdet.datasets.samplers import AspectRatioBatchSampler
from mmengine.dataset import pseudo_collate
from mmengine.registry import DefaultScope
from torch.utils.data import DataLoader, Sampler

from noisyseg.bench.training.annotation_ids import PackAnnotationIds
from noisyseg.bench.training.indexed_dataset import IndexedDataset
from noisyseg.bench.training.streams import stream_seed


class RunDataset(IndexedDataset):
    """mmdet's `CocoDataset` whose augmentation depends on (train seed, epoch, image) alone.

    Attributes:
        train_seed: of the run.
        epoch: 0-based; set before the data loader starts an epoch.
    """

    def __init__(self, *, train_seed: int, **settings: Any) -> None:
        self.train_seed = train_seed
        self.epoch = 0
        # mmdet resolves transforms by scope; pycocotools reports its loading on standard output.
        with (
            DefaultScope.overwrite_default_scope("mmdet"),
            contextlib.redirect_stdout(io.StringIO()),
        ):
            super().__init__(**settings)

    def parse_data_info(self, raw_data_info: dict[str, Any]) -> Any:
        """Read an image's annotations as mmdet does; each instance keeps its annotation's id.

        mmdet leaves annotations out (crowds aside, those without extent or of other classes), so
        it is asked one by one.
        """
        info = super().parse_data_info({**raw_data_info, "raw_ann_info": []})
        for annotation in raw_data_info["raw_ann_info"]:
            parsed = super().parse_data_info({**raw_data_info, "raw_ann_info": [annotation]})
            info["instances"] += [
                {**instance, "annotation_id": annotation["id"]} for instance in parsed["instances"]
            ]
        return info

    def __getitem__(self, index: int) -> Any:
        """The transformed image; the generators its transforms use are set for it first."""
        seed = stream_seed(self.train_seed, "augmentation", self.epoch, index)
        random.seed(seed)
        np.random.seed(seed % 2**32)  # mmdet's transforms use the global generators
        return super().__getitem__(index)


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


def train_dataset(
    annotations: Path,
    images: Path,
    *,
    classes: Sequence[str],
    image: Mapping[str, Any],
    train_seed: int,
    limit: int | None = None,
) -> RunDataset:
    """Training images that hold at least one annotation of the run's classes.

    Args:
        annotations: a prepared file.
        images: the folder of its images.
        classes: of the run, in order.
        image: the protocol's section.
        train_seed: of the run.
        limit: only so many of the images that are left; None for all.
    """
    return RunDataset(
        train_seed=train_seed,
        ann_file=str(annotations),
        data_prefix={"img": str(images)},
        metainfo={"classes": tuple(classes)},
        filter_cfg={"filter_empty_gt": True, "min_size": image["min_size"]},
        indices=limit,
        pipeline=[*train_pipeline(image)[:-1], {"type": PackAnnotationIds}],
    )


def train_pipeline(image: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The transforms of a training image, from the protocol's section."""
    return [
        {"type": "LoadImageFromFile"},
        {"type": "LoadAnnotations", "with_bbox": True, "with_mask": True},
        _resize(image),
        {"type": "RandomFlip", "prob": image["flip"]},
        {"type": "PackDetInputs"},
    ]


def _resize(image: Mapping[str, Any]) -> dict[str, Any]:
    scale = tuple(image["scale"])
    if image["scale_to"] is None:
        return {"type": "Resize", "scale": scale, "keep_ratio": True}
    ends = [scale, tuple(image["scale_to"])]
    return {"type": "RandomResize", "scale": ends, "keep_ratio": True}


def evaluation_dataset(
    annotations: Path,
    images: Path,
    *,
    classes: Sequence[str],
    image: Mapping[str, Any],
    limit: int | None = None,
) -> RunDataset:
    """Evaluation images in the file's order: all of them, or the first `limit`."""
    return RunDataset(
        train_seed=0,
        ann_file=str(annotations),
        data_prefix={"img": str(images)},
        metainfo={"classes": tuple(classes)},
        test_mode=True,
        indices=limit,
        pipeline=evaluation_pipeline(image),
    )


def evaluation_pipeline(image: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The transforms of an evaluation image, from the protocol's section."""
    return [
        {"type": "LoadImageFromFile"},
        {"type": "Resize", "scale": tuple(image["test_scale"]), "keep_ratio": True},
        {
            "type": "PackDetInputs",
            "meta_keys": ("img_id", "img_path", "ori_shape", "img_shape", "scale_factor"),
        },
    ]


def train_loader(
    dataset: RunDataset, *, batch_size: int, workers: int, grouped: bool = False
) -> DataLoader[Any]:
    """Batches of an epoch; the last, smaller one is kept, as mmdet keeps it.

    Args:
        dataset: of training images.
        batch_size: images of a forward pass.
        workers: processes that load them.
        grouped: whether a batch holds upright images or lying ones alone, as far as they go round,
            so that less of it is padding.
    """
    if grouped:
        return DataLoader(
            dataset,
            batch_sampler=AspectRatioBatchSampler(EpochSampler(dataset), batch_size),
            num_workers=workers,
            collate_fn=pseudo_collate,
        )
    return DataLoader(
        dataset,
        batch_size=batch_size,
        sampler=EpochSampler(dataset),
        num_workers=workers,
        collate_fn=pseudo_collate,
    )
