"""Training protocols: epochs, batch, learning rate and image size, as data."""

import math
from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, TypedDict, cast

from noisyseg.bench.config.shipped import read_with_base
from noisyseg.checked_values import (
    checked,
    flag,
    integer,
    list_of,
    number,
    or_null,
    part,
    section,
    text,
)
from noisyseg.errors import InputError, unknown_name
from noisyseg.located_yaml import Located, check_keys

# Each optimizer's values, with the largest that makes sense; the least is 0.
OPTIMIZERS: dict[str, dict[str, float]] = {
    "SGD": {"lr": math.inf, "momentum": 1.0, "weight_decay": math.inf},
    "AdamW": {"lr": math.inf, "weight_decay": math.inf},
}


def _optimizer(raw: Located, key: str) -> dict[str, Any]:
    raw = section(raw, key)
    if "type" not in raw:
        raise InputError(f"{raw.where()}: optimizer needs the key 'type'.")
    kind = raw["type"]
    if not isinstance(kind, str) or kind not in OPTIMIZERS:
        raise unknown_name("optimizer type", kind, OPTIMIZERS, raw.where("type"))
    check_keys(raw, what=f"optimizer {kind}", required=("type", *OPTIMIZERS[kind]))
    values = {key: number(raw, key, most=limit) for key, limit in OPTIMIZERS[kind].items()}
    return {"type": kind, **values}


def _one_of(*known: str) -> Callable[[Located, str], str]:
    """The check of an entry that is one of some words."""

    def check(raw: Located, key: str) -> str:
        if not isinstance(raw[key], str) or raw[key] not in known:
            raise unknown_name(key, raw[key], known, raw.where(key))
        return str(raw[key])

    return check


def _milestones(raw: Located, key: str) -> list[int]:
    """Epochs in rising order: [8, 11] and [11, 8] would train alike under two keys."""
    milestones = list_of(raw, key, int, kind_name="epochs")
    if milestones != sorted(milestones) or any(epoch < 1 for epoch in milestones):
        raise InputError(
            f"{raw.where(key)}: milestones must be epochs of at least 1 in rising order, "
            f"got {milestones!r}."
        )
    return milestones


def _scale(raw: Located, key: str) -> list[int]:
    scale = raw[key]
    pair = isinstance(scale, list) and len(scale) == 2
    if not pair or not all(type(side) is int and side >= 16 for side in scale):
        raise InputError(
            f"{raw.where(key)}: {key} must be [width, height] in pixels, each an integer of at "
            f"least 16, got {scale!r}."
        )
    return list(scale)


def _image(raw: Located, key: str) -> "Image":
    raw = section(raw, key)
    defaults = {"scale_to": None, "test_scale": raw.get("scale")}
    return checked(raw, Image, what=key, defaults=defaults)


Positive = Annotated[int, partial(integer, least=1)]
Count = Annotated[int, partial(integer, least=0)]
Share = Annotated[float, partial(number, most=1.0)]
Scale = Annotated[list[int], _scale]


class Schedule(TypedDict):
    """The learning rate's course.

    Attributes:
        warmup_iterations: over which it rises linearly from `warmup_factor` times its value.
        milestones: epochs after which it is multiplied by `gamma`, rising.
    """

    warmup_iterations: Count
    warmup_factor: Share
    milestones: Annotated[list[int], _milestones]
    gamma: Share


class Image(TypedDict):
    """How images are made for the detector; scales are mmdet's.

    Attributes:
        scale: the most that the longer and the shorter side may have, in pixels.
        scale_to: the end of the range that scales are drawn from in training; None for no range.
        test_scale: the scale in evaluation.
        flip: probability of a horizontal flip.
        min_size: images with a shorter side are left out of training, in pixels.
    """

    scale: Scale
    scale_to: Annotated[list[int] | None, or_null(_scale)]
    test_scale: Scale
    flip: Share
    min_size: Count


# These came later: left out where they have their default, so that run keys stay what they were.
LATER: dict[str, Any] = {
    "precision": "tf32",
    "memory_format": "contiguous",
    "average_last": 0,
}


class _Later(TypedDict, total=False):
    precision: Annotated[str, _one_of("bf16", "tf32", "fp32")]
    memory_format: Annotated[str, _one_of("contiguous", "channels-last")]
    average_last: Count


class Protocol(_Later):
    """A training protocol as it enters the run key, every value filled in but for `LATER`.

    Attributes:
        micro_batch: images of a forward pass; the gradients of a batch's passes are averaged.
        gradient_clip: the largest norm of the gradients; None for any.
        optimizer: `type` and the values of `OPTIMIZERS`.
        precision: of layers. `tf32`, as torch does by itself: float32, on a GPU convolutions with
            TF32's 10 bits of mantissa; `fp32`: without them; `bf16`: bfloat16 in layers, float32
            in parameters, gradients and losses. Absent for tf32.
        memory_format: `channels-last` lays a pixel's channels side by side. Absent for contiguous.
        average_last: over so many last epochs' ends the trained weights are averaged, and predicted
            with. Absent for none.
    """

    name: Annotated[str, text]
    version: Positive
    epochs: Positive
    batch_size: Positive
    micro_batch: Positive
    aspect_ratio_grouping: Annotated[bool, flag]
    gradient_clip: Annotated[float | None, or_null(number)]
    optimizer: Annotated[dict[str, Any], _optimizer]
    schedule: Annotated[Schedule, part(Schedule)]
    image: Annotated[Image, _image]


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
    defaults = {"micro_batch": raw.get("batch_size"), "aspect_ratio_grouping": False, **LATER}
    protocol = checked(raw, Protocol, what="a protocol", defaults=defaults)
    told = {key: value for key, value in protocol.items() if (key, value) not in LATER.items()}
    protocol = cast("Protocol", told)
    batch, micro, epochs = (protocol[key] for key in ("batch_size", "micro_batch", "epochs"))
    if batch % micro:
        raise InputError(
            f"{raw.where('micro_batch')}: micro_batch must divide batch_size {batch}, got {micro}."
        )
    last = protocol.get("average_last", 0)
    if last > epochs:
        raise InputError(
            f"{raw.where('average_last')}: average_last must be at most the {epochs} epochs, "
            f"got {last}."
        )
    milestones = protocol["schedule"]["milestones"]
    if milestones and milestones[-1] >= epochs:
        raise InputError(
            f"{raw['schedule'].where('milestones')}: the learning rate cannot decay after epoch "
            f"{milestones[-1]} of {epochs}: milestones must lie before the last epoch, got "
            f"{milestones!r}. Give the protocol its own: schedule: {{milestones: []}}."
        )
    return protocol
