"""Training protocols: epochs, batch, learning rate and image size, as data."""

import math
from typing import Any, TypedDict

from noisyseg.bench.config.shipped import read_with_base
from noisyseg.checked_values import integer, list_of, number, text
from noisyseg.errors import InputError, unknown_name
from noisyseg.located_yaml import Located, check_keys, located

_SECTIONS = ("optimizer", "schedule", "image")

# Each optimizer's values, with the largest that makes sense; the least is 0.
OPTIMIZERS: dict[str, dict[str, float]] = {
    "SGD": {"lr": math.inf, "momentum": 1.0, "weight_decay": math.inf},
    "AdamW": {"lr": math.inf, "weight_decay": math.inf},
}


class Schedule(TypedDict):
    """The learning rate's course.

    Attributes:
        warmup_iterations: over which it rises linearly from `warmup_factor` times its value.
        milestones: epochs after which it is multiplied by `gamma`, rising.
    """

    warmup_iterations: int
    warmup_factor: float
    milestones: list[int]
    gamma: float


class Image(TypedDict):
    """How images are made for the detector; scales are mmdet's.

    Attributes:
        scale: the most that the longer and the shorter side may have, in pixels.
        scale_to: the end of the range that scales are drawn from in training; None for no range.
        test_scale: the scale in evaluation.
        flip: probability of a horizontal flip.
        min_size: images with a shorter side are left out of training, in pixels.
    """

    scale: list[int]
    scale_to: list[int] | None
    test_scale: list[int]
    flip: float
    min_size: int


class Rehearsal(TypedDict):
    """How many images a rehearsal takes, and whether they are small ones."""

    train_images: int
    eval_images: int
    shrunk: bool


class _Real(TypedDict):
    name: str
    version: int
    epochs: int
    batch_size: int
    micro_batch: int
    aspect_ratio_grouping: bool
    gradient_clip: float | None
    optimizer: dict[str, Any]
    schedule: Schedule
    image: Image


class Protocol(_Real, total=False):
    """A training protocol as it enters the run key, every value filled in.

    Attributes:
        micro_batch: images of a forward pass; the gradients of a batch's passes are averaged.
        gradient_clip: the largest norm of the gradients; None for any.
        optimizer: `type` and the values of `OPTIMIZERS`.
        rehearsal: of a rehearsal alone.
    """

    rehearsal: Rehearsal


def load_protocol(source: str | Located, *, where: str) -> Protocol:
    """A protocol with every value checked and filled in.

    Args:
        source: a shipped protocol's name, or a mapping with `name` and, with `extends`, whatever
            differs from a shipped one.
        where: the place that source came from.
    Raises:
        InputError: unknown name or key, missing or unfit value, with its file and line.
    """
    raw = read_with_base("protocol", source, where=where)
    check_keys(
        raw,
        what="a protocol",
        required=("name", "version", "epochs", "batch_size", "gradient_clip", *_SECTIONS),
        optional=("micro_batch", "aspect_ratio_grouping"),
    )
    clip = raw["gradient_clip"]
    return {
        "name": text(raw, "name"),
        "version": integer(raw, "version", least=1),
        "epochs": integer(raw, "epochs", least=1),
        "batch_size": integer(raw, "batch_size", least=1),
        "micro_batch": _micro_batch(raw),
        "aspect_ratio_grouping": _grouping(raw),
        "gradient_clip": None if clip is None else number(raw, "gradient_clip"),
        "optimizer": _optimizer(_section(raw, "optimizer")),
        "schedule": _schedule(_section(raw, "schedule"), epochs=integer(raw, "epochs", least=1)),
        "image": _image(_section(raw, "image")),
    }


def _micro_batch(raw: Located) -> int:
    """Images of a forward pass; the gradients of a batch's passes are averaged."""
    batch = integer(raw, "batch_size", least=1)
    if "micro_batch" not in raw:
        return batch
    micro = integer(raw, "micro_batch", least=1)
    if batch % micro:
        raise InputError(
            f"{raw.where('micro_batch')}: micro_batch must divide batch_size {batch}, got {micro}."
        )
    return micro


def _grouping(raw: Located) -> bool:
    value = raw.get("aspect_ratio_grouping", False)
    if not isinstance(value, bool):
        raise InputError(
            f"{raw.where('aspect_ratio_grouping')}: aspect_ratio_grouping must be true or false, "
            f"got {value!r}."
        )
    return value


def _section(raw: Located, key: str) -> Located:
    return located(raw[key], what=key, where=raw.where(key))


def _optimizer(raw: Located) -> dict[str, Any]:
    if "type" not in raw:
        raise InputError(f"{raw.where()}: optimizer needs the key 'type'.")
    kind = raw["type"]
    if not isinstance(kind, str) or kind not in OPTIMIZERS:
        raise unknown_name("optimizer type", kind, OPTIMIZERS, raw.where("type"))
    check_keys(raw, what=f"optimizer {kind}", required=("type", *OPTIMIZERS[kind]))
    values = {key: number(raw, key, most=limit) for key, limit in OPTIMIZERS[kind].items()}
    return {"type": kind, **values}


def _schedule(raw: Located, *, epochs: int) -> Schedule:
    keys = ("warmup_iterations", "warmup_factor", "milestones", "gamma")
    check_keys(raw, what="schedule", required=keys)
    return {
        "warmup_iterations": integer(raw, "warmup_iterations", least=0),
        "warmup_factor": number(raw, "warmup_factor", most=1.0),
        "milestones": _milestones(raw, epochs=epochs),
        "gamma": number(raw, "gamma", most=1.0),
    }


def _milestones(raw: Located, *, epochs: int) -> list[int]:
    """Epochs in rising order: [8, 11] and [11, 8] would train alike under two keys."""
    milestones = list_of(raw, "milestones", int, kind_name="epochs")
    if milestones != sorted(milestones) or any(epoch < 1 for epoch in milestones):
        raise InputError(
            f"{raw.where('milestones')}: milestones must be epochs of at least 1 in rising order, "
            f"got {milestones!r}."
        )
    if milestones and milestones[-1] >= epochs:
        raise InputError(
            f"{raw.where('milestones')}: the learning rate cannot decay after epoch "
            f"{milestones[-1]} of {epochs}: milestones must lie before the last epoch, got "
            f"{milestones!r}. Give the protocol its own: schedule: {{milestones: []}}."
        )
    return milestones


def _image(raw: Located) -> Image:
    """Scales are mmdet's: the most that the longer and the shorter side may have."""
    check_keys(
        raw,
        what="image",
        required=("scale", "flip", "min_size"),
        optional=("scale_to", "test_scale"),
    )
    scale = _scale(raw, "scale")
    ranges = raw.get("scale_to") is not None
    return {
        "scale": scale,
        "scale_to": _scale(raw, "scale_to") if ranges else None,
        "test_scale": _scale(raw, "test_scale") if "test_scale" in raw else scale,
        "flip": number(raw, "flip", most=1.0),
        "min_size": integer(raw, "min_size", least=0),
    }


def _scale(raw: Located, key: str) -> list[int]:
    scale = raw[key]
    pair = isinstance(scale, list) and len(scale) == 2
    if not pair or not all(type(side) is int and side >= 16 for side in scale):
        raise InputError(
            f"{raw.where(key)}: {key} must be [width, height] in pixels, each an integer of at "
            f"least 16, got {scale!r}."
        )
    return list(scale)
