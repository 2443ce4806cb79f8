"""A run's images: mmdet's COCO data set, augmented from (train seed, epoch) alone."""

import contextlib
import io
import random
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from mmcv.transforms import LoadImageFromFile
from mmdet.datasets.transforms import LoadAnnotations, PackDetInputs, RandomFlip, Resize
from mmengine.registry import DefaultScope

from noisyseg.bench.training.annotation_ids import PackAnnotationIds
from noisyseg.bench.training.indexed_dataset import IndexedDataset
from noisyseg.bench.training.sample_memory import SampleMemory
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
        self._memory = SampleMemory()
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

    def __getitem__(self, place: int | tuple[int, int]) -> Any:
        """The transformed image; the generators its transforms use are set for it first.

        Args:
            place: an image's index in the present epoch, or (epoch, index), which a loader asks
                for: its processes outlive the epoch that they began in.
        """
        epoch, index = place if isinstance(place, tuple) else (self.epoch, place)
        seed = stream_seed(self.train_seed, "augmentation", epoch, index)
        if self._flip is None:
            return self._transformed(index, seed)
        np.random.seed(seed % 2**32)
        key = index, self._flip._choose_direction()  # what the pipeline is going to draw
        sample = self._memory.get(key)
        if sample is None:
            sample = self._transformed(index, seed)
            self._memory.keep(key, sample)
        return sample

    def _transformed(self, index: int, seed: int) -> Any:
        random.seed(seed)
        np.random.seed(seed % 2**32)  # mmdet's transforms use the global generators
        return super().__getitem__(index)

    @cached_property
    def _flip(self) -> Any:
        """The pipeline's flip, where it is all that is random in it; else None."""
        kinds = [type(step) for step in self.pipeline.transforms]
        known = (LoadImageFromFile, LoadAnnotations, Resize, RandomFlip, PackDetInputs)
        if RandomFlip not in kinds or not all(issubclass(kind, known) for kind in kinds):
            return None
        return self.pipeline.transforms[kinds.index(RandomFlip)]


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
