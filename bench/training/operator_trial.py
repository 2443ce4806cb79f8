"""What a detector computes with, tried on a device with inputs whose results are known."""

from typing import Literal

import torch

from noisyseg.bench.training import mmcv_operators
from noisyseg.bench.training.stack import load_stack


def operators_in_use() -> Literal["compiled", "torchvision"]:
    """Whose operators mmcv uses here; brings the stack up.

    Raises:
        InputError: it cannot be imported.
    """
    load_stack()
    return mmcv_operators.install()


def try_device(device: str) -> list[str]:
    """What is computed wrong there: a product of matrices, NMS and RoIAlign; empty if nothing is.

    Args:
        device: as torch names it.
    Raises:
        RuntimeError: of torch, for what cannot be computed there at all.
    """
    return [
        name
        for name, right in (
            ("a product of matrices", _multiplies(device)),
            ("NMS", _suppresses(device)),
            ("RoIAlign", _pools(device)),
        )
        if not right
    ]


def _multiplies(device: str) -> bool:
    """Rows of ones times a column of them are the number of columns, which float32 holds."""
    ones = torch.ones(128, 64, device=device)
    product = ones @ ones.T
    return bool((product == 64).all())


def _suppresses(device: str) -> bool:
    """Of two boxes with an IoU of 0.9 the better stays, and one that lies apart."""
    from mmcv.ops import nms

    boxes = [[0.0, 0.0, 10.0, 10.0], [0.0, 0.0, 10.0, 9.0], [20.0, 20.0, 30.0, 30.0]]
    scores = torch.tensor([0.5, 0.9, 0.7], device=device)
    _, kept = nms(torch.tensor(boxes, device=device), scores, 0.5)
    return bool(kept.tolist() == [1, 2])


def _pools(device: str) -> bool:
    """The mean of what is everywhere the same is that."""
    from mmcv.ops import roi_align

    features = torch.full((1, 2, 8, 8), 3.0, device=device)
    rois = torch.tensor([[0.0, 1.0, 1.0, 6.0, 6.0]], device=device)
    pooled = roi_align(features, rois, (2, 2), 1.0, 2, "avg", True)
    return pooled.shape == (1, 2, 2, 2) and bool((pooled - 3.0).abs().max() < 1e-5)
