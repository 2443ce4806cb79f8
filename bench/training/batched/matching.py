"""mmdet's MaxIoUAssigner for all images of a pass at once.

B images, G objects, N boxes that are matched to them (anchors or proposals).
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

# Overlaps alive at once, in elements: images are gone over in parts that stay below.
_LARGEST = 2**25


@dataclass(kw_only=True, slots=True, frozen=True)
class MatchRule:
    """What makes a box an object's.

    Attributes:
        positive: the least IoU with its best object.
        negative: below this IoU with every object it is background.
        least: the least IoU of a best box for an object; None gives objects no best boxes.
    """

    positive: float
    negative: float
    least: float | None


def match_rule(assigner: Any) -> MatchRule:
    """The rule of an mmdet MaxIoUAssigner."""
    return MatchRule(
        positive=assigner.pos_iou_thr,
        negative=assigner.neg_iou_thr,
        least=assigner.min_pos_iou if assigner.match_low_quality else None,
    )


def match(
    priors: Tensor,
    objects: Tensor,
    real: Tensor,
    *,
    rule: MatchRule,
    usable: Tensor | None = None,
) -> Tensor:
    """The object of each box: its number from 1, 0 for background, -1 for neither.

    Args:
        priors: corners of the boxes, shape (N, 4) for all images or (B, N, 4).
        objects: corners, shape (B, G, 4).
        real: which of the objects there are, shape (B, G).
        rule: thresholds.
        usable: boxes that take part, shape (B, N); the others get -1. All when None.

    Returns:
        Shape (B, N), int64.
    """
    images = len(objects)
    size = max(1, _LARGEST // (objects.shape[1] * priors.shape[-2]))
    parts = []
    for start in range(0, images, size):
        part = slice(start, start + size)
        own = priors if priors.dim() == 2 else priors[part]
        flags = None if usable is None else usable[part]
        parts.append(_match(own, objects[part], real[part], rule, flags))
    return parts[0] if len(parts) == 1 else torch.cat(parts)


def _match(
    priors: Tensor, objects: Tensor, real: Tensor, rule: MatchRule, usable: Tensor | None
) -> Tensor:
    overlaps = pairwise_iou(objects, priors).masked_fill_(~real[:, :, None], -1)
    if usable is not None:
        overlaps.masked_fill_(~usable[:, None], -1)
    best, which = overlaps.max(1)
    background = (best >= rule.negative).long().neg_()
    matched = torch.where(best >= rule.positive, which + 1, background)
    if rule.least is not None:
        claimed = _last_claim(overlaps, rule.least)
        matched = torch.where(claimed > 0, claimed.long(), matched)
    return matched if usable is None else matched.masked_fill_(~usable, -1)


def _last_claim(overlaps: Tensor, least: float) -> Tensor:
    """The last object whose best box this is, from 1; 0 where it is none's. Shape (B, N)."""
    best = overlaps.amax(2)
    best = best.masked_fill_(best < least, 2)  # which no overlap is
    numbers = torch.arange(1, best.shape[1] + 1, dtype=torch.int32, device=best.device)
    return ((overlaps == best[:, :, None]) * numbers[:, None]).amax(1)


def pairwise_iou(objects: Tensor, priors: Tensor) -> Tensor:
    """IoU of every object with every box, in mmdet's order of operations.

    Args:
        objects: corners, shape (B, G, 4).
        priors: corners, shape (N, 4) or (B, N, 4).

    Returns:
        Shape (B, G, N).
    """
    left, top, right, bottom = objects.unsqueeze(-2).unbind(-1)
    # Corners one after the other in memory: the operations below run along N.
    x1, y1, x2, y2 = priors.movedim(-1, 0).contiguous().unsqueeze(-2)
    width = (torch.minimum(right, x2) - torch.maximum(left, x1)).clamp_(min=0)
    height = (torch.minimum(bottom, y2) - torch.maximum(top, y1)).clamp_(min=0)
    overlap = width.mul_(height)
    areas = (right - left) * (bottom - top) + (x2 - x1) * (y2 - y1)
    return overlap.div_(areas.sub_(overlap).clamp_(min=1e-6))
