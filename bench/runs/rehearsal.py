"""A rehearsal: every run of a suite with its real model, data and noise, and minutes of training.

What would stop a run after a day (a wrong path, too little memory, a method that breaks in its
second stage) shows at once. The records lie in a store of their own, under keys of their own.
"""

from collections.abc import Mapping
from typing import Any, TypedDict

from noisyseg.bench.config.protocol import Image, Protocol

FOLDER = ".rehearsals"  # in --out; no data set's name can begin with a point
# One iteration each: two before half time, where the paper's second stage begins, and two after.
EPOCHS = 4
EVAL_IMAGES = 4
# Without a GPU: the longest side of an image in pixels; a batch is one image, since it is the RoIs
# of each that take a CPU's time.
_SIDE = 256
_SMALL_EVAL_IMAGES = 2


class Rehearsal(TypedDict):
    """How many images a rehearsal takes, and whether they are small ones."""

    train_images: int
    eval_images: int
    shrunk: bool


class RehearsedProtocol(Protocol):
    """A protocol with one more key, so that no run key is a real run's."""

    rehearsal: Rehearsal


def rehearsed(protocol: Protocol, *, shrink: bool) -> RehearsedProtocol:
    """The protocol with four epochs of one iteration; its schedule keeps its shape.

    Args:
        protocol: as `load_protocol` gives it.
        shrink: whether images and batch become small, too: for machines without a GPU.
    """
    epochs = protocol["epochs"]
    milestones = [
        min(EPOCHS - 1, max(1, round(epoch * EPOCHS / epochs)))
        for epoch in protocol["schedule"]["milestones"]
    ]
    small = _shrunk(protocol) if shrink else protocol
    if "average_last" in protocol:
        small = {**small, "average_last": min(EPOCHS, protocol["average_last"])}
    return {
        **small,
        "epochs": EPOCHS,
        "schedule": {**protocol["schedule"], "milestones": milestones},
        "rehearsal": {
            "train_images": small["batch_size"],
            "eval_images": _SMALL_EVAL_IMAGES if shrink else EVAL_IMAGES,
            "shrunk": shrink,
        },
    }


def is_rehearsal(protocol: Mapping[str, Any]) -> bool:
    """Whether a run's protocol is a rehearsal's."""
    return "rehearsal" in protocol


def image_limits(protocol: Mapping[str, Any]) -> tuple[int | None, int | None]:
    """How many images a run trains and evaluates on; None for all, as every real run does."""
    rehearsal = protocol.get("rehearsal")
    if rehearsal is None:
        return None, None
    return rehearsal["train_images"], rehearsal["eval_images"]


def _shrunk(protocol: Protocol) -> Protocol:
    image = _small_image(protocol["image"])
    return {**protocol, "batch_size": 1, "micro_batch": 1, "image": image}


def _small_image(image: Image) -> Image:
    """Every scale by one factor, so that ranges stay ranges."""
    scales = (image["scale"], image["test_scale"], image["scale_to"] or [])
    factor = min(1.0, _SIDE / max(side for scale in scales for side in scale))
    scale, test_scale, scale_to = (
        [max(16, round(side * factor)) for side in scale] for scale in scales
    )
    return {**image, "scale": scale, "test_scale": test_scale, "scale_to": scale_to or None}
