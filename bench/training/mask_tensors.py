"""The masks of a pass as one tensor: loader processes share it, a GPU fetches it by itself.

T: objects of all images of the pass; H, W: the common size of its images in pixels.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from mmengine.dataset import pseudo_collate

from noisyseg.bench.training.batched.placement import takes_mask_tensors

Batch = dict[str, Any]


def collation(detector: Any) -> Callable[[Sequence[Any]], Batch]:
    """How a detector's training batches are put together; masks apart where it takes them so."""
    if not takes_mask_tensors(detector):
        return pseudo_collate
    return partial(masks_apart, divisor=detector.data_preprocessor.pad_size_divisor)


def masks_apart(samples: Sequence[Any], *, divisor: int) -> Batch:
    """A batch with `masks`, uint8, shape (T, H, W); those of crowds are left out.

    Args:
        samples: the data set's; their masks are taken from them.
        divisor: H and W are multiples of it, as mmdet will pad the images.
    """
    batch: Batch = pseudo_collate(samples)
    images, truths = batch["inputs"], batch["data_samples"]
    height, width = (
        -(-max(image.shape[axis] for image in images) // divisor) * divisor for axis in (1, 2)
    )
    own = [truth.gt_instances.pop("masks").masks for truth in truths]
    for truth in truths:
        truth.ignored_instances.pop("masks", None)
    masks = np.zeros((sum(map(len, own)), height, width), dtype=np.uint8)
    begin = 0
    for part in own:
        end = begin + len(part)
        masks[begin:end, : part.shape[1], : part.shape[2]] = part
        begin = end
    return batch | {"masks": torch.from_numpy(masks)}


def preprocessed(detector: Any, batch: Batch) -> Any:
    """What mmdet's preprocessor makes of a training batch; each sample has its masks again."""
    masks = batch.pop("masks", None)
    data = detector.data_preprocessor(batch, training=True)
    if masks is not None:
        objects = [truth.gt_instances for truth in data["data_samples"]]
        there = masks.to(data["inputs"].device, non_blocking=True)
        for own, part in zip(objects, there.split(list(map(len, objects))), strict=True):
            own.masks = part
    return data
