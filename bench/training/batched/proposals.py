"""The RPN's proposals of all images of a pass, from the scores and deltas of its anchors.

B images, A anchors, M of them that enter the suppression (the best of each level).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from mmdet.models.task_modules.coders import LegacyDeltaXYWHBBoxCoder
from mmengine.structures import InstanceData
from torch import Tensor
from torchvision.ops import nms

from noisyseg.bench.training.batched.anchors import Anchors
from noisyseg.bench.training.batched.padding import on_device

# Up to so many boxes a GPU does one suppression for all images at less cost than one for each: its
# work grows with the square of their number, and on a CPU that is what it costs.
_ONE_CALL = 4000
_TOO_SMALL = -1.0  # a score below any other


def proposals(
    scores: Tensor,
    deltas: Tensor,
    anchors: Anchors,
    metas: Sequence[dict[str, Any]],
    *,
    coder: Any,
    settings: Any,
) -> list[InstanceData]:
    """Boxes and scores of each image, best first.

    Args:
        scores: logits, shape (B, A).
        deltas: shape (B, A, 4).
        anchors: of the pass.
        metas: mmdet's of each image: `img_shape`.
        coder: mmdet's, which decodes deltas.
        settings: mmdet's `rpn_proposal`.
    """
    chances = scores.detach().float().sigmoid()
    picks, counts = _best_of_levels(chances, anchors.counts, settings.get("nms_pre", -1))
    chances = chances.gather(1, picks)
    chosen = deltas.detach().float().gather(1, picks[..., None].expand(-1, -1, 4))
    decoded = coder.decode(anchors.boxes[picks].view(-1, 4), chosen.view(-1, 4))
    boxes = _clipped(decoded.view(*picks.shape, 4), metas, coder)
    least = settings.get("min_bbox_size", -1)
    if least >= 0:
        large = (boxes[..., 2:] - boxes[..., :2] > least).all(-1)
        chances = torch.where(large, chances, _TOO_SMALL)
    kept = _kept(boxes, chances, np.repeat(np.arange(len(counts)), counts), settings)
    return [
        InstanceData(bboxes=of_image[own], scores=chance[own])
        for of_image, chance, own in zip(boxes, chances, kept, strict=True)
    ]


def _best_of_levels(
    chances: Tensor, sizes: Sequence[int], most: int
) -> tuple[Tensor, tuple[int, ...]]:
    """The anchors with the best scores of each level, shape (B, M), and how many each has."""
    every = torch.arange(chances.shape[1], device=chances.device).expand(len(chances), -1)
    picks, start = [], 0
    for size in sizes:
        part = slice(start, start + size)
        if 0 < most < size:
            picks.append(chances[:, part].topk(most, dim=1).indices + start)
        else:
            picks.append(every[:, part])
        start += size
    return torch.cat(picks, dim=1), tuple(pick.shape[1] for pick in picks)


def _clipped(boxes: Tensor, metas: Sequence[dict[str, Any]], coder: Any) -> Tensor:
    """Boxes cut at their image's border, as the coder would do it for one image."""
    legacy = isinstance(coder, LegacyDeltaXYWHBBoxCoder)
    if not legacy and not coder.clip_border:
        return boxes
    ends = np.array([meta["img_shape"][1::-1] * 2 for meta in metas], dtype=np.float32)
    limits = on_device(ends[:, None] - np.float32(legacy), boxes.device)
    return torch.minimum(boxes.clamp(min=0), limits)


def _kept(
    boxes: Tensor, chances: Tensor, levels: np.ndarray[Any, Any], settings: Any
) -> list[Tensor]:
    """Of each image the boxes that no better one of their level suppresses, best first."""
    images, slots = chances.shape
    order = _survivors(boxes, chances, levels, settings.nms["iou_threshold"])
    of_image = order // slots == torch.arange(images, device=boxes.device)[:, None]
    large = of_image & (chances.flatten()[order] > _TOO_SMALL)
    whole, usable = torch.stack([of_image.sum(1), large.sum(1)]).tolist()
    most = settings.max_per_img
    parts = torch.split(order % slots, whole)
    return [part[: min(most, count)] for part, count in zip(parts, usable, strict=True)]


def _survivors(
    boxes: Tensor, chances: Tensor, levels: np.ndarray[Any, Any], threshold: float
) -> Tensor:
    """Places in the flattened table of boxes: image after image, in each the best first.

    Boxes of another level, or image, are moved so far that they do not overlap.
    """
    images, slots = chances.shape
    if not _is_one_call(boxes):
        groups = on_device(levels.astype(np.float32)[:, None], boxes.device)
        moved = boxes + groups * (boxes.amax((1, 2), keepdim=True) + 1)
        return torch.cat(
            [
                nms(*own, threshold) + n * slots
                for n, own in enumerate(zip(moved, chances, strict=True))
            ]
        )
    groups = on_device(_groups(images, levels), boxes.device)
    moved = boxes + groups * (boxes.amax() + 1)
    order = nms(moved.view(-1, 4), chances.flatten(), threshold)
    return order[(order // slots).sort(stable=True).indices]


def _is_one_call(boxes: Tensor) -> bool:
    return boxes.device.type != "cpu" and boxes.shape[0] * boxes.shape[1] <= _ONE_CALL


def _groups(images: int, levels: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """A number for every image and level, shape (B, M, 1)."""
    numbers = np.arange(images)[:, None] * (levels[-1] + 1) + levels
    return numbers.astype(np.float32)[..., None]
