"""A pass's anchors, kept from one pass to the next of the same size.

L levels of features, A anchors in all of them, B images.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from noisyseg.bench.training.batched.padding import on_device
from noisyseg.errors import InputError

# Sizes kept: images of a data set come in some tens of padded sizes, of a few megabytes each.
_KEPT = 32

FeatureSizes = tuple[tuple[int, int], ...]


@dataclass(kw_only=True, slots=True, frozen=True)
class Anchors:
    """The anchors of all levels, one level after the other.

    Attributes:
        boxes: corners, shape (A, 4).
        counts: anchors of each level.
        cells: (column, row) of each anchor in its level's grid, shape (2, A).
        levels: of each anchor, shape (A,).
        features: (height, width) of each level.
    """

    boxes: Tensor
    counts: tuple[int, ...]
    cells: Tensor
    levels: Tensor
    features: FeatureSizes


class AnchorStore:
    """Anchors by the sizes of the features and the device; those not used for long are dropped."""

    def __init__(self, generator: Any) -> None:
        self._generator = generator
        self._kept: OrderedDict[tuple[FeatureSizes, torch.device], Anchors] = OrderedDict()

    def get(self, features: FeatureSizes, device: torch.device) -> Anchors:
        """The anchors of features of these sizes."""
        key = (features, device)
        found = self._kept.pop(key, None) or _anchors(self._generator, features, device)
        self._kept[key] = found
        if len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return found


def _anchors(generator: Any, features: FeatureSizes, device: torch.device) -> Anchors:
    boxes = generator.grid_priors(features, device=device)
    cells, levels = [], []
    for level, (height, width) in enumerate(features):
        here = generator.num_base_priors[level]
        cell = np.stack([np.tile(np.arange(width), height), np.repeat(np.arange(height), width)])
        cells.append(cell.repeat(here, axis=1))
        levels.append(np.full(height * width * here, level))
    return Anchors(
        boxes=torch.cat(boxes),
        counts=tuple(map(len, boxes)),
        cells=on_device(np.concatenate(cells, axis=1), device),
        levels=on_device(np.concatenate(levels), device),
        features=features,
    )


def usable_anchors(
    anchors: Anchors,
    metas: Sequence[dict[str, Any]],
    *,
    strides: Sequence[tuple[int, int]],
    border: float,
) -> Tensor | None:
    """Which anchors take part in the training of each image, as mmdet decides it.

    Args:
        anchors: of the pass.
        metas: mmdet's of each image: `pad_shape`, `img_shape`.
        strides: (horizontal, vertical) of each level, in pixels.
        border: how far an anchor may reach out of the image; below 0 it may as far as it likes.

    Returns:
        Shape (B, A); None when all do.

    Raises:
        InputError: an image has no anchor inside.
    """
    limits = _cells_within(anchors.features, [meta["pad_shape"] for meta in metas], strides)
    device = anchors.boxes.device
    flags = None
    sizes = np.array([size[::-1] for size in anchors.features])
    if (limits < sizes).any():
        across, down = on_device(limits.transpose(2, 0, 1).copy(), device)[:, :, anchors.levels]
        flags = (anchors.cells[0] < across) & (anchors.cells[1] < down)
    if border < 0:
        return flags
    shapes = np.array([meta["img_shape"][1::-1] for meta in metas], dtype=np.float32)
    ends = on_device(shapes[:, None] + np.float32(border), device)
    corners = anchors.boxes
    inside = (corners[:, :2] >= -border).all(1) & (corners[:, 2:] < ends).all(2)
    flags = inside if flags is None else flags & inside
    if not flags.any(1).all():
        raise InputError(
            "no anchor of the RPN lies inside one of the images. Check the images' size against "
            "the anchors' (rpn_head.anchor_generator), or set allowed_border: -1 "
            "(train_cfg.rpn), with which anchors may reach out."
        )
    return flags


def _cells_within(
    features: FeatureSizes, shapes: Sequence[tuple[int, ...]], strides: Sequence[tuple[int, int]]
) -> np.ndarray[Any, np.dtype[np.int64]]:
    """(columns, rows) of each level that lie in each padded image, shape (B, L, 2)."""
    sizes = np.array([size[::-1] for size in features])
    padded = np.array([shape[1::-1] for shape in shapes])
    needed = -(-padded[:, None] // np.array(strides))
    cells: np.ndarray[Any, np.dtype[np.int64]] = np.minimum(needed, sizes).astype(np.int64)
    return cells
