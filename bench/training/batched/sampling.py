"""mmdet's RandomSampler for all images of a pass, without asking the device how many there are.

Every box has a random key; of the positive ones those with the smallest keys are taken, and of the
negative ones. That is a uniform choice, as a permutation's beginning is.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor


class Sample(NamedTuple):
    """Boxes taken, in slots of which some stay empty.

    Attributes:
        positive: index of the box, shape (B, P).
        is_positive: whether the slot is filled, shape (B, P).
        negative: shape (B, Q).
        is_negative: shape (B, Q).
    """

    positive: Tensor
    is_positive: Tensor
    negative: Tensor
    is_negative: Tensor


def sample(matched: Tensor, keys: Tensor, sampler: Any) -> Sample:
    """Take boxes of each image.

    Args:
        matched: number of the object of each box, 0 for background, -1 for neither, shape (B, N).
        keys: uniform in [0, 1), shape (B, N).
        sampler: mmdet's RandomSampler, which has the numbers of boxes to take.
    """
    most = int(sampler.num * sampler.pos_fraction)
    positive, is_positive = _smallest(keys.masked_fill(matched <= 0, 1), most)
    negative, is_negative = _smallest(keys.masked_fill(matched != 0, 1), sampler.num)
    left = sampler.num - is_positive.sum(1, keepdim=True)
    slots = torch.arange(negative.shape[1], device=keys.device)
    return Sample(positive, is_positive, negative, is_negative & (slots < left))


def _smallest(keys: Tensor, most: int) -> tuple[Tensor, Tensor]:
    """The places of the smallest keys, in order, and which of them are below 1."""
    values, places = keys.topk(min(most, keys.shape[1]), dim=1, largest=False)
    return places, values < 1
