"""The RoIs that a pass is trained on: proposals and objects matched, sampled and listed.

B images, G objects in the image that has most, T in all, S slots of boxes an image, R RoIs in all.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from noisyseg.bench.training.batched.ground_truth import GroundTruth
from noisyseg.bench.training.batched.matching import match, match_rule
from noisyseg.bench.training.batched.padding import Integers, on_device, padded_rows, table
from noisyseg.bench.training.batched.sampling import Sample, sample


@dataclass(kw_only=True, slots=True, frozen=True)
class RoISamples:
    """RoIs in mmdet's order: of each image the positive ones by their place, then the negative.

    Attributes:
        rois: (image, x1, y1, x2, y2), shape (R, 5).
        objects: row of the object in the ground truth's table; T for negative ones, shape (R,).
        positive: which RoIs are positive, by their place in the list.
        positive_counts: of each image.
    """

    rois: Tensor
    objects: Tensor
    positive: Tensor
    positive_counts: tuple[int, ...]


def roi_samples(
    proposals: Sequence[Tensor], truth: GroundTruth, *, assigner: Any, sampler: Any
) -> RoISamples:
    """Match and sample the boxes of a pass; waits once, for the numbers of RoIs.

    Args:
        proposals: boxes of each image.
        truth: the objects, whose boxes are proposals too.
        assigner: mmdet's MaxIoUAssigner.
        sampler: mmdet's RandomSampler.
    """
    priors, matched = _candidates(proposals, truth, assigner)
    keys = torch.rand(matched.shape, device=matched.device)
    taken = sample(matched, keys, sampler)
    slots = matched.shape[1]
    codes = _codes(taken, slots)
    wanted = torch.stack([taken.is_positive.sum(1), taken.is_negative.sum(1)]).tolist()
    places, images, positive = _listed(np.array(wanted), codes.shape[1], codes.device)
    rows = images * slots + codes.flatten()[places] % slots
    numbers = matched.flatten()[rows]
    firsts = truth.starts.flatten()[images]
    boxes = priors.view(-1, 4)[rows]
    return RoISamples(
        rois=torch.cat([images[:, None].to(boxes.dtype), boxes], 1),
        objects=torch.where(numbers > 0, firsts + numbers - 1, truth.total),
        positive=positive,
        positive_counts=tuple(wanted[0]),
    )


def _candidates(
    proposals: Sequence[Tensor], truth: GroundTruth, assigner: Any
) -> tuple[Tensor, Tensor]:
    """Boxes of each image, its objects first, shape (B, S, 4), and their objects, shape (B, S)."""
    counts = [len(boxes) for boxes in proposals]
    rows = on_device(padded_rows(counts), truth.boxes.device)
    boxes = table(proposals, 0)[rows]
    there = rows < sum(counts)
    matched = match(boxes, truth.padded, truth.real, rule=match_rule(assigner), usable=there)
    numbers = torch.arange(1, truth.real.shape[1] + 1, device=rows.device)
    own = torch.where(truth.real, numbers, -1)
    return torch.cat([truth.padded, boxes], 1), torch.cat([own, matched], 1)


def _codes(taken: Sample, slots: int) -> Tensor:
    """Each image's samples, positive ones first, by place: their slot, + slots for negative ones.

    What is behind an image's samples is 2 · slots.
    """
    positive = torch.where(taken.is_positive, taken.positive, 2 * slots)
    negative = torch.where(taken.is_negative, taken.negative + slots, 2 * slots)
    return torch.cat([positive, negative], 1).sort(1).values


def _listed(wanted: Integers, width: int, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Where the samples are in the table of codes, their images, and the positive ones' places.

    Args:
        wanted: positive and negative samples of each image, shape (2, B).
        width: of the table.
        device: of the tensors.
    """
    columns = np.arange(width)
    filled = columns < wanted.sum(0)[:, None]
    places = np.flatnonzero(filled)
    positive = np.flatnonzero((columns < wanted[0][:, None])[filled])
    sent = on_device(np.concatenate([places, places // width, positive]), device)
    count = len(places)
    return sent[:count], sent[count : 2 * count], sent[2 * count :]
