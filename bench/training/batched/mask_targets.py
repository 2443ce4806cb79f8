"""What the mask head is to predict: the objects' masks cut out at their RoIs."""

from collections.abc import Sequence

import numpy as np
import torch
from mmcv.ops import roi_align
from torch import Tensor

from noisyseg.bench.training.batched.padding import on_device

# Mask pixels made into numbers at once: 512 MiB.
_LARGEST = 2**27


def mask_targets(
    masks: Tensor,
    rois: Tensor,
    objects: Tensor,
    *,
    size: tuple[int, int],
    counts: Sequence[tuple[int, int]],
) -> Tensor:
    """Each RoI's part of its object's mask, as mmdet's BitmapMasks cut it.

    Args:
        masks: of all objects, image after image, shape (T, H, W), uint8.
        rois: corners, image after image, shape (N, 4).
        objects: the mask of each RoI, shape (N,).
        size: height and width of the targets.
        counts: objects and RoIs of each image.

    Returns:
        0 or 1, shape (N, *size).
    """
    height, width = masks.shape[1:]
    ends = on_device(np.array([width, height] * 2, dtype=np.float32), rois.device)
    clipped = torch.minimum(rois.clamp(min=0), ends)
    parts, mask, roi = [rois.new_zeros((0, *size))], 0, 0
    for some_masks, some_rois in _parts(counts, height * width):
        own = slice(roi, roi + some_rois)
        if not some_rois:
            mask += some_masks
            continue
        pixels = masks[mask : mask + some_masks, None].to(rois.dtype)
        numbered = torch.cat([(objects[own, None] - mask).to(rois.dtype), clipped[own]], 1)
        cut = roi_align(pixels, numbered, size, 1.0, 0, "avg", True)
        parts.append((cut.squeeze(1) >= 0.5).to(rois.dtype))
        mask, roi = mask + some_masks, roi + some_rois
    return torch.cat(parts)


def _parts(counts: Sequence[tuple[int, int]], pixels: int) -> list[tuple[int, int]]:
    """Neighbouring images put together as far as their masks are not too large."""
    parts: list[tuple[int, int]] = []
    for masks, rois in counts:
        if parts and (parts[-1][0] + masks) * pixels <= _LARGEST:
            parts[-1] = (parts[-1][0] + masks, parts[-1][1] + rois)
        else:
            parts.append((masks, rois))
    return parts
