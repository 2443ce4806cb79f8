"""One configuration trained by noisyseg's loop and by mmdet's own Runner, for `training`.

Both are given the same model, weights, images, sizes, optimizer, schedule and loader processes.
"""
# ruff: noqa: E402 (mmdet must be brought up before anything that imports it)

import os
from collections.abc import Callable, Mapping
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest import mock
from uuid import uuid4

import torch
from listed_images import Images

from noisyseg.bench.training.stack import load_stack

load_stack()

from mmengine.config import Config, ConfigDict
from mmengine.hooks import Hook
from mmengine.runner import Runner

from noisyseg.bench.training import mmcv_operators
from noisyseg.bench.training.box_heads import put_method
from noisyseg.bench.training.detector import build_detector, freeze_last_convolution
from noisyseg.bench.training.loop import train
from noisyseg.bench.training.run_dataset import train_dataset, train_pipeline
from noisyseg.bench.training.training import Training
from noisyseg.methods.registry import resolve

OURS, RUNNERS = "noisyseg", "mmdet's Runner"
EPOCHS = 1000  # more than any benchmark waits for


class Enough(Exception):  # noqa: N818 (no error: the training has been seen long enough)
    """Ends a training."""


@dataclass(kw_only=True, slots=True, frozen=True)
class Work:
    """What both sides train.

    Attributes:
        detector: mmdet's configuration, without classes and class loss.
        protocol: resolved values.
        device: "cpu" or "cuda".
        workers: data-loader processes.
    """

    detector: dict[str, Any]
    protocol: dict[str, Any]
    images: Images
    device: str
    workers: int


Losses = dict[str, float]


class Watch:
    """What a training is seen by; each side calls it.

    `built` gets the detector before the first step; `step` is called after each optimizer step of
    noisyseg's and each pass of the Runner's, with the images that went through since; `losses`
    after the first epoch, with its mean losses. Any of them ends the training by raising Enough.
    """

    def built(self, detector: Any) -> None:
        """The detector is there."""

    def step(self, images: int) -> None:
        """So many images were trained."""

    def losses(self, values: Losses) -> None:
        """The first epoch's mean losses."""


def train_ours(work: Work, watch: Watch) -> None:
    """As a run trains: method `ce` in the box head, its log of the loss at work included."""
    protocol = {**work.protocol, "epochs": EPOCHS}
    detector = build_detector(
        work.detector, num_classes=len(work.images.classes), seed=0, weights=None
    )
    watch.built(detector)
    with TemporaryDirectory() as folder, suppress(Enough):
        training = Training(
            key="0" * 16,
            detector=detector,
            class_losses=put_method(detector, resolve("ce", {}), num_epochs=EPOCHS, at_work=True),
            dataset=train_dataset(
                work.images.annotations,
                work.images.folder,
                classes=work.images.classes,
                image=protocol["image"],
                train_seed=0,
            ),
            protocol=protocol,
            train_seed=0,
            device=torch.device(work.device),
            checkpoint=Path(folder) / "last.pth",
            workers=work.workers,
        )
        train(
            training,
            on_start=_nothing,
            on_epoch=lambda epoch: watch.losses(_losses(epoch)),
            on_iteration=lambda *_: watch.step(protocol["batch_size"]),
        )


def train_runners(work: Work, watch: Watch) -> None:
    """As mmdet's tools/train.py does, without evaluation."""
    before = os.getcwd()
    with TemporaryDirectory() as folder, suppress(Enough), _torchvisions_operators():
        weights = Path(folder) / "initial.pth"
        own = build_detector(
            work.detector, num_classes=len(work.images.classes), seed=0, weights=None
        )
        torch.save({"state_dict": own.state_dict()}, weights)
        runner = Runner.from_cfg(Config(_runner_config(work, Path(folder), weights)))
        freeze_last_convolution(runner.model.backbone)
        runner.register_hook(_Watching(watch, work.protocol["micro_batch"]), priority="LOWEST")
        watch.built(runner.model)
        runner.train()
    os.chdir(before)


def _torchvisions_operators() -> Any:
    """Without the gradient that noisyseg has in place of torchvision's, where it has one.

    mmcv has no operators of its own here, so that the Runner, too, has those that it is given.
    """
    if hasattr(mmcv_operators, "pays"):
        return mock.patch.object(mmcv_operators, "pays", return_value=False)
    return nullcontext()


SIDES: dict[str, Callable[[Work, Watch], None]] = {OURS: train_ours, RUNNERS: train_runners}


class _Watching(Hook):
    """Passes the Runner's iterations on."""

    def __init__(self, watch: Watch, images: int) -> None:
        self.watch, self.images = watch, images

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        self.watch.step(self.images)
        if batch_idx + 1 == len(runner.train_dataloader):
            self.watch.losses(_losses({name: value.item() for name, value in outputs.items()}))


def _runner_config(work: Work, folder: Path, weights: Path) -> dict[str, Any]:
    """Of mmdet's default_runtime, coco_instance and schedule_1x, with the work's values."""
    protocol, images = work.protocol, work.images
    model = ConfigDict(work.detector)
    for head in ("bbox_head", "mask_head"):
        model.roi_head[head].num_classes = len(images.classes)
    model.roi_head.bbox_head.loss_cls = {"type": "CrossEntropyLoss"}  # mmdet's default, softmax
    grouped = protocol["aspect_ratio_grouping"]
    loader = {
        "batch_size": protocol["micro_batch"],
        "num_workers": work.workers,
        "persistent_workers": work.workers > 0,
        "sampler": {"type": "DefaultSampler", "shuffle": True},
        "batch_sampler": {"type": "AspectRatioBatchSampler"} if grouped else None,
        "dataset": {
            "type": "CocoDataset",
            "ann_file": str(images.annotations),
            "data_prefix": {"img": str(images.folder)},
            "metainfo": {"classes": images.classes},
            "filter_cfg": {"filter_empty_gt": True, "min_size": protocol["image"]["min_size"]},
            "pipeline": train_pipeline(protocol["image"]),
        },
    }
    return {
        "default_scope": "mmdet",
        "experiment_name": uuid4().hex,
        "model": model,
        "work_dir": str(folder),
        "load_from": str(weights),
        "train_dataloader": loader,
        "train_cfg": {"type": "EpochBasedTrainLoop", "max_epochs": EPOCHS},
        "optim_wrapper": _optim_wrapper(protocol),
        "param_scheduler": _schedule(protocol["schedule"]),
        "default_hooks": {
            "timer": {"type": "IterTimerHook"},
            "logger": {"type": "LoggerHook", "interval": 50},
            "param_scheduler": {"type": "ParamSchedulerHook"},
            "checkpoint": {"type": "CheckpointHook", "interval": 1},
            "sampler_seed": {"type": "DistSamplerSeedHook"},
        },
        "env_cfg": {
            "cudnn_benchmark": False,
            "mp_cfg": {"mp_start_method": "fork", "opencv_num_threads": 0},
        },
        "randomness": {"seed": 0},
        "log_processor": {"type": "LogProcessor", "window_size": 50, "by_epoch": True},
        "log_level": "ERROR",
    }


def _optim_wrapper(protocol: Mapping[str, Any]) -> dict[str, Any]:
    """The optimizer, and automatic mixed precision where the protocol asks for bf16."""
    mixed = protocol.get("precision") == "bf16"
    clip = protocol["gradient_clip"]
    return {
        "type": "AmpOptimWrapper" if mixed else "OptimWrapper",
        **({"dtype": "bfloat16"} if mixed else {}),
        "optimizer": dict(protocol["optimizer"]),
        "clip_grad": None if clip is None else {"max_norm": clip},
        "accumulative_counts": protocol["batch_size"] // protocol["micro_batch"],
    }


def _schedule(schedule: Mapping[str, Any]) -> list[dict[str, Any]]:
    warm_up = {
        "type": "LinearLR",
        "start_factor": schedule["warmup_factor"],
        "by_epoch": False,
        "begin": 0,
        "end": schedule["warmup_iterations"],
    }
    milestones = {
        "type": "MultiStepLR",
        "by_epoch": True,
        "begin": 0,
        "end": EPOCHS,
        "milestones": schedule["milestones"],
        "gamma": schedule["gamma"],
    }
    return [warm_up, milestones]


def _losses(values: Mapping[str, Any]) -> Losses:
    return {
        name: float(value)
        for name, value in values.items()
        if name.startswith("loss") and isinstance(value, (int, float))
    }


def _nothing(*_: Any) -> None:
    """Nobody is told."""
