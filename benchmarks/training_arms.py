"""One detector, one state, several losses: steps of a training that differ in the class loss alone.

For `method_overhead`. Every step starts from the same weights and random state on the same batch,
so that all arms sample the same RoIs and do the same work.
"""
# ruff: noqa: E402 (mmdet must be brought up before anything that imports it)

import json
import time
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from noisyseg.bench.training.stack import load_stack

load_stack()

from mmdet.models.roi_heads.bbox_heads import BBoxHead

from noisyseg.bench.config.model import load_model
from noisyseg.bench.datasets.formats.shapes import ShapesSettings, generate_shapes
from noisyseg.bench.datasets.shape_geometry import CLASSES
from noisyseg.bench.training.box_heads import put_method
from noisyseg.bench.training.class_loss import MethodLoss
from noisyseg.bench.training.detector import build_detector
from noisyseg.bench.training.run_dataset import train_dataset
from noisyseg.bench.training.train_loader import train_loader
from noisyseg.methods.registry import resolve

MMDET, AGAIN, ADAPTER, OBSERVED = "mmdet", "mmdet again", "adapter, ce", "adapter, ce, observed"
BATCHES = 8
IMAGES = 200  # of `shapes` as suites take it: an epoch of few steps, which share its report
WRONG_SHARE = 0.4


@dataclass(kw_only=True, slots=True, frozen=True)
class Arm:
    """What stands in the box heads: the class of each, and its class loss."""

    heads: tuple[tuple[type[Any], nn.Module], ...]

    @property
    def losses(self) -> list[MethodLoss]:
        """Those of them that are noisyseg's."""
        return [loss for _, loss in self.heads if isinstance(loss, MethodLoss)]

    def tell(self, samples: Sequence[Any]) -> None:
        """Tell them a batch's annotation ids, as the training loop does."""
        for loss in self.losses:
            loss.gt_annotation_ids = [sample.gt_instances.annotation_ids for sample in samples]


class Training:
    """A detector whose box heads change between arms, and what it takes to train it."""

    def __init__(self, model: str, protocol: Mapping[str, Any], batch: int, folder: Path) -> None:
        self.protocol = protocol
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        config = load_model(model, where="", root=Path(), random_weights=True).detector
        # Image by image, as mmdet trains: the box head's own targets are part of what is timed.
        self.detector: Any = build_detector(
            config, num_classes=len(CLASSES), seed=0, weights=None, batched=False
        )
        self.detector.to(self.device).train()
        self.heads = [part for part in self.detector.modules() if isinstance(part, BBoxHead)]
        self.batches, wrong = _data(protocol["image"], batch, folder)
        own = self._standing()
        self.arms = {MMDET: own, AGAIN: own, ADAPTER: self._put(), OBSERVED: self._put(wrong)}
        settings = dict(protocol["optimizer"])
        kind = {"SGD": torch.optim.SGD, "AdamW": torch.optim.AdamW}[settings.pop("type")]
        trained = [part for part in self.detector.parameters() if part.requires_grad]
        self.optimizer: torch.optim.Optimizer = kind(trained, **settings)
        self.weights = deepcopy(self.detector.state_dict())

    def step(self, name: str, number: int) -> tuple[float, dict[str, float]]:
        """A training step of an arm from the kept weights: its seconds, and its losses."""
        arm = self._enter(name)
        self.detector.load_state_dict(self.weights)
        torch.manual_seed(number)
        batch = deepcopy(self.batches[number % BATCHES])  # the model pads its masks
        return self.timed(lambda: self._step(arm, batch))

    def recorded(self, number: int) -> tuple[list[Any], list[dict[str, Any]]]:
        """A batch's samples, and what its step hands to each box head's `loss_and_target`."""
        samples: list[Any] = []
        given: list[dict[str, Any]] = []

        def keep(original: Callable[..., Any]) -> Callable[..., Any]:
            def loss_and_target(**arguments: Any) -> Any:
                given.append(arguments)
                return original(**arguments)

            return loss_and_target

        for head in self.heads:
            head.loss_and_target = keep(head.loss_and_target)
        handle = self.detector.data_preprocessor.register_forward_hook(
            lambda *call: samples.extend(call[2]["data_samples"])
        )
        self.step(MMDET, number)
        handle.remove()
        for head in self.heads:
            del head.loss_and_target
        for arguments in given:
            arguments["bbox_pred"] = arguments["bbox_pred"].detach()
            arguments["cls_score"] = arguments["cls_score"].detach().requires_grad_()
        return samples, given

    def head_seconds(
        self, name: str, samples: Sequence[Any], given: Sequence[dict[str, Any]]
    ) -> float:
        """Seconds that an arm takes for what was recorded, to the class loss's gradient."""
        arm = self._enter(name)

        def work() -> None:
            arm.tell(samples)
            for head, arguments in zip(self.heads, given, strict=True):
                arguments["cls_score"].grad = None
                head.loss_and_target(**arguments)["loss_bbox"]["loss_cls"].backward()

        return self.timed(work)[0]

    def report_seconds(self, number: int) -> float:
        """Seconds that the observers take for their report, after a step that they saw."""
        self.step(OBSERVED, number)
        observers = [loss.at_work for loss in self.arms[OBSERVED].losses]
        return self.timed(lambda: [observer and observer.report() for observer in observers])[0]

    def timed(self, work: Callable[[], Any]) -> tuple[float, Any]:
        """Seconds that work takes, the GPU's own included, and what it returns."""
        self._wait()
        began = time.perf_counter()
        result = work()
        self._wait()
        return time.perf_counter() - began, result

    def _step(self, arm: Arm, batch: dict[str, Any]) -> dict[str, float]:
        """What the training loop does for a step."""
        self.optimizer.zero_grad()
        data = self.detector.data_preprocessor(batch, training=True)
        arm.tell(data["data_samples"])
        total, losses = self.detector.parse_losses(self.detector(**data, mode="loss"))
        values = {name: float(value.detach()) for name, value in losses.items()}
        total.backward()
        clip = self.protocol["gradient_clip"]
        if clip is not None:
            torch.nn.utils.clip_grad_norm_(self.detector.parameters(), clip)
        self.optimizer.step()
        return values

    def _enter(self, name: str) -> Arm:
        arm = self.arms[name]
        for head, (kind, loss) in zip(self.heads, arm.heads, strict=True):
            head.__class__, head.loss_cls = kind, loss
        return arm

    def _put(self, wrong_labels: dict[int, int] | None = None) -> Arm:
        put_method(
            self.detector,
            resolve("ce", {}),
            num_epochs=self.protocol["epochs"],
            at_work=wrong_labels is not None,
            wrong_labels=wrong_labels,
        )
        return self._standing()

    def _standing(self) -> Arm:
        return Arm(heads=tuple((type(head), head.loss_cls) for head in self.heads))

    def _wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize()


def _data(
    image: Mapping[str, Any], batch: int, folder: Path
) -> tuple[list[dict[str, Any]], dict[int, int]]:
    """Batches of `shapes`, and which of its labels are taken to be wrong: annotation → class."""
    shapes = generate_shapes(folder, ShapesSettings(train_images=BATCHES * batch, val_images=1))
    file = shapes / "annotations" / "instances_train.json"
    dataset = train_dataset(file, shapes / "train", classes=CLASSES, image=image, train_seed=0)
    ids = [annotation["id"] for annotation in json.loads(file.read_bytes())["annotations"]]
    random = np.random.default_rng(0)
    chosen = random.choice(ids, round(WRONG_SHARE * len(ids)), replace=False).tolist()
    wrong = {number: int(random.integers(len(CLASSES))) for number in chosen}
    return list(islice(train_loader(dataset, batch_size=batch, workers=0), BATCHES)), wrong
