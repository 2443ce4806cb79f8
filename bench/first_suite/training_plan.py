"""How a data set is trained on a machine: model, image size, epochs, and how many images.

On a CPU what the suite `small` does (docs/small.md): a frozen backbone whose weights come with
noisyseg, and a run of minutes. On a GPU what the paper did.
"""

import math
from dataclasses import dataclass

from noisyseg.bench.first_suite.machine import CPU

SMALL_SIDE = 32
"""Pixels of an image's shorter side below which protocols leave it out of training."""

# Seconds of one core (AMD EPYC) for an image, by the side that it is scaled to: of a training step,
# and of prediction with evaluation. Measured on coco_sample, batches of 8, one thread.
_STEP_S = {128: 0.017, 192: 0.027, 256: 0.038, 320: 0.06}
_TEST_S = {128: 0.03, 192: 0.035, 256: 0.04, 320: 0.05}
_RUN_S = 360  # that a run on a CPU may take
_PASSES = 8400  # of images in `small`, by which a head learns wrong labels
_LEAST_EPOCHS, _MOST_EPOCHS = 24, 120
_EVAL_IMAGES = 500
_OBJECT = 24  # pixels that an object should have at least; the model's anchors begin at 16

_GPU_EPOCHS, _MOST_GPU_EPOCHS = 12, 36
_GPU_ITERATIONS = 9000  # about half of what the paper's protocol has on VOC
_LARGE = 20_000  # images from which the paper's protocol for COCO is taken
_SCALE = (1333, 800)


@dataclass(frozen=True, kw_only=True, slots=True)
class Sizes:
    """What a plan depends on.

    Attributes:
        train, eval: images.
        long_side, short_side: of an image, in pixels; the median.
        shortest: side of any training image.
        object_share: an object's size in shares of the longer side; the median.
    """

    train: int
    eval: int
    long_side: int
    short_side: int
    shortest: int
    object_share: float


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainingPlan:
    """What a suite says of training.

    Attributes:
        protocol: that it extends.
        train_limit, eval_limit: images; None for all.
        minutes: that a run takes, roughly; None where nothing tells.
    """

    device: str
    protocol: str
    scale: tuple[int, int]
    epochs: int
    milestones: list[int]
    warmup: int
    batch: int
    min_size: int
    train_limit: int | None
    eval_limit: int | None
    minutes: float | None


def plan_training(sizes: Sizes, device: str) -> TrainingPlan:
    """What ends in a sensible time on the device."""
    return _on_cpu(sizes) if device == CPU else _on_gpu(sizes)


def _on_cpu(sizes: Sizes) -> TrainingPlan:
    side = next((s for s in _STEP_S if s * sizes.object_share >= _OBJECT), max(_STEP_S))
    eval_images = min(sizes.eval, _EVAL_IMAGES)
    passes = (_RUN_S - eval_images * _TEST_S[side]) / _STEP_S[side]
    most = _rounded(passes / _LEAST_EPOCHS)
    images = min(sizes.train, most)
    wanted = math.ceil(min(_PASSES, passes) / images)
    epochs = min(max(_LEAST_EPOCHS, wanted), _MOST_EPOCHS)
    seconds = epochs * images * _STEP_S[side] + eval_images * _TEST_S[side]
    batch = 8
    return TrainingPlan(
        device=CPU,
        protocol="small-cpu",
        scale=(side, side),
        epochs=epochs,
        milestones=[round(epochs * 2 / 3), round(epochs * 11 / 12)],
        warmup=_warmup(100, images, batch, epochs),
        batch=batch,
        min_size=min(SMALL_SIDE, sizes.shortest),
        train_limit=images if images < sizes.train else None,
        eval_limit=eval_images if eval_images < sizes.eval else None,
        minutes=max(1.0, seconds / 60),
    )


def _on_gpu(sizes: Sizes) -> TrainingPlan:
    large = sizes.train >= _LARGE
    batch = 16 if large else 4
    wanted = math.ceil(_GPU_ITERATIONS * batch / sizes.train)
    epochs = min(max(_GPU_EPOCHS, wanted), _MOST_GPU_EPOCHS)
    milestones = [8, 11] if large else [round(epochs * 3 / 4)]
    return TrainingPlan(
        device="gpu",
        protocol="paper-coco-mmdet3" if large else "paper-voc-mmdet3",
        scale=(_enlarged(sizes.long_side, _SCALE[0]), _enlarged(sizes.short_side, _SCALE[1])),
        epochs=epochs,
        milestones=milestones,
        warmup=_warmup(499, sizes.train, batch, epochs),
        batch=batch,
        min_size=min(SMALL_SIDE, sizes.shortest),
        train_limit=None,
        eval_limit=None,
        minutes=None,
    )


def _enlarged(side: int, most: int) -> int:
    """Twice the side, in steps of the 32 pixels that images are padded to, up to the paper's."""
    return min(most, max(64, math.ceil(2 * side / 32) * 32))


def _warmup(most: int, images: int, batch: int, epochs: int) -> int:
    """Iterations: a tenth of all at most."""
    return min(most, math.ceil(images / batch) * epochs // 10)


def _rounded(images: float) -> int:
    """Down to tens."""
    return max(10, int(images) // 10 * 10)
