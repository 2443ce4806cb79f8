"""The one place where a noisyseg method meets mmdet: the box head's class loss.

N RoIs, K object classes; mmdet and noisyseg both put background at index K.
"""

from typing import Any

import torch
from mmdet.models.roi_heads.bbox_heads import BBoxHead
from torch import Tensor, nn

from noisyseg.methods.context import LossContext
from noisyseg.methods.registry import ResolvedMethod


class MethodLoss(nn.Module):
    """Weights, divisor and reduction for every method, as mmdet's cross entropy has them.

    Attributes:
        epoch: 0-based, set by the training loop before each epoch.
    """

    # What BBoxHead asks of a class loss: plain softmax scores, no accuracy of its own.
    custom_cls_channels = False
    custom_activation = False
    custom_accuracy = False

    def __init__(self, method: ResolvedMethod, *, num_classes: int, num_epochs: int) -> None:
        super().__init__()
        self.name = method.name
        self.method = method.start()
        self.num_classes = num_classes
        self.num_epochs = num_epochs
        self.epoch = 0

    def forward(
        self,
        cls_score: Tensor,
        label: Tensor,
        weight: Tensor | None = None,
        avg_factor: float | None = None,
        reduction_override: str | None = None,
        **_: Any,
    ) -> Tensor:
        """Σ weight·loss / avg_factor.

        Args:
            cls_score: logits, shape (N, K+1).
            label: shape (N,).
            weight: per RoI, shape (N,); ones when None.
            avg_factor: divisor; mmdet passes the number of RoIs with weight > 0. N when None.
            reduction_override: "none" gives the weighted losses, shape (N,); "sum" their sum.
        """
        weights = torch.ones_like(label, dtype=cls_score.dtype) if weight is None else weight
        context = LossContext(
            num_classes=self.num_classes,
            epoch=self.epoch,
            num_epochs=self.num_epochs,
            weights=weights,
            annotation_ids=None,
            noise_matrix=None,
        )
        losses = self.method.loss(cls_score, label, context) * weights
        if reduction_override == "none":
            return losses
        if reduction_override == "sum":
            return losses.sum()
        return losses.sum() / (max(len(label), 1) if avg_factor is None else avg_factor)


def put_method(detector: nn.Module, method: ResolvedMethod, *, num_epochs: int) -> list[MethodLoss]:
    """Replace the class loss of every box head in detector; nothing else changes.

    Returns:
        The losses put in, for the training loop to tell them the epoch.
    """
    losses = []
    for module in detector.modules():
        if isinstance(module, BBoxHead):
            loss = MethodLoss(method, num_classes=module.num_classes, num_epochs=num_epochs)
            module.loss_cls = loss
            losses.append(loss)
    return losses
