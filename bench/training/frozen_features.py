"""What a frozen backbone makes of each training image, computed once and kept in memory.

Such a backbone gives the same features of an image in every epoch, a flipped one beside. They are
computed image by image, so that a pass has the same ones whoever was with it, kept or not.
"""

from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

LIMIT_BYTES = 256 * 2**20

Levels = tuple[Tensor, ...]


class FrozenFeatures:
    """A backbone's features by image, as many as fit.

    Args:
        backbone: the forward pass that is asked for what is not kept: images (1, 3, H, W) → levels.
        limit: of what is kept, in bytes.
    """

    def __init__(self, backbone: Any, limit: int = LIMIT_BYTES) -> None:
        self._backbone = backbone
        self._left = limit
        self._kept: dict[Hashable, Levels] = {}
        self._keys: list[Hashable] = []

    def announce(self, samples: Sequence[Any]) -> None:
        """Say which images the next pass is of: mmdet's samples, in its order."""
        self._keys = [_key(sample) for sample in samples]

    def __call__(self, images: Tensor) -> Levels:
        """Features of a pass: images (B, 3, H, W), normalised and padded → each level of them."""
        size = tuple(images.shape[-2:])  # what an image is padded to is in its features
        found = [self._of((*size, key), images[at : at + 1]) for at, key in enumerate(self._keys)]
        return tuple(torch.cat(level) for level in zip(*found, strict=True))

    def _of(self, key: Hashable, image: Tensor) -> Levels:
        if key in self._kept:
            return self._kept[key]
        levels = tuple(self._backbone(image))
        size = sum(level.nbytes for level in levels)
        if size <= self._left:
            self._left -= size
            self._kept[key] = levels
        return levels


@contextmanager
def kept_features(model: Any, device: torch.device) -> Iterator[FrozenFeatures | None]:
    """Let a detector's frozen backbone keep its features of training images, until the end.

    Args:
        model: mmdet's; it is left in training mode.
        device: none but a CPU keeps features: a GPU is quick with them, and its memory is dear.
    """
    model.train()
    backbone = getattr(model, "backbone", None)
    if device.type != "cpu" or backbone is None or not _is_frozen(backbone):
        yield None
        return
    features = FrozenFeatures(backbone.forward)
    backbone.forward = features
    try:
        yield features
    finally:
        del backbone.forward  # the class's own is there again


def _is_frozen(backbone: nn.Module) -> bool:
    """Whether nothing in it is trained, drawn or counted in training mode."""
    return not any(parameter.requires_grad for parameter in backbone.parameters()) and not any(
        module.training and _moves(module) for module in backbone.modules()
    )


def _moves(module: nn.Module) -> bool:
    """Whether it draws or counts in training mode: dropout of any kind, batch normalisation."""
    drops = "drop" in type(module).__name__.lower()  # mmcv has its own, torchvision another
    return drops or isinstance(module, nn.modules.batchnorm._BatchNorm)


def _key(sample: Any) -> Hashable:
    """Which image it is and what was drawn for it: the side it is seen from, and its size."""
    flip = sample.get("flip_direction") if sample.get("flip") else None
    return int(sample.img_id), flip, tuple(sample.img_shape)
