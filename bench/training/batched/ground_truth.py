"""The objects of a pass as tensors of all its images.

B images, G objects in the image that has most (at least 1), T objects in all.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from noisyseg.bench.training.batched.padding import first_rows, on_device, padded_rows, table


@dataclass(kw_only=True, slots=True, frozen=True)
class GroundTruth:
    """The boxes of a pass.

    Attributes:
        counts: objects of each image.
        boxes: corners, shape (T + 1, 4); the last row is no object's.
        padded: the same an image a row, shape (B, G, 4); zeros where there is no object.
        real: whether there is one, shape (B, G).
        starts: the row of `boxes` where each image's begin, shape (B, 1).
    """

    counts: tuple[int, ...]
    boxes: Tensor
    padded: Tensor
    real: Tensor
    starts: Tensor

    @property
    def total(self) -> int:
        """T."""
        return len(self.boxes) - 1

    def rows(self, numbers: Tensor, valid: Tensor) -> Tensor:
        """The rows of `boxes` of objects by their number in the image.

        Args:
            numbers: 1-based, shape (B, N).
            valid: where a number is meant, shape (B, N); the last row elsewhere.
        """
        return torch.where(valid, self.starts + numbers - 1, self.total)


def ground_truth(samples: Sequence[Any]) -> GroundTruth:
    """The boxes of mmdet's samples."""
    boxes = [sample.gt_instances.bboxes for sample in samples]
    counts = tuple(map(len, boxes))
    device = boxes[0].device
    rows = on_device(padded_rows(counts), device)
    every = table(boxes, 0)
    return GroundTruth(
        counts=counts,
        boxes=every,
        padded=every[rows],
        real=rows < sum(counts),
        starts=on_device(first_rows(counts)[:, None], device),
    )


def mask_table(samples: Sequence[Any], device: torch.device) -> Tensor:
    """The masks of mmdet's samples, padded to the batch: shape (T, H, W), uint8."""
    height, width = samples[0].batch_input_shape
    masks = [sample.gt_instances.masks for sample in samples]
    if not isinstance(masks[0], Tensor):
        arrays = np.concatenate([mask.to_ndarray() for mask in masks])
        return on_device(np.ascontiguousarray(arrays, dtype=np.uint8), device)
    missing = [(0, width - m.shape[-1], 0, height - m.shape[-2]) for m in masks]
    # F.pad copies even where nothing is missing.
    padded = [F.pad(m, by) if any(by) else m for m, by in zip(masks, missing, strict=True)]
    return torch.cat(padded).to(device, torch.uint8, non_blocking=True)
