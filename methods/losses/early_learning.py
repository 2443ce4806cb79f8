"""Early-learning regularisation (Liu et al., NeurIPS 2020, section 4)."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from noisyseg.methods.annotation_memory import (
    AnnotationMemory,
    mean_by_annotation,
    merged_memory,
)
from noisyseg.methods.context import LossContext, needs
from noisyseg.methods.losses.cross_entropy import cross_entropy
from noisyseg.methods.probabilities import object_probabilities

_LEAST = 1e-4
"""What the authors' code keeps probabilities away from 0 and 1 by."""


@needs("annotation_ids")
class EarlyLearning:
    """Cross entropy + lam * log(1 - <p, t>) (eq. 6), t a running mean of the predictions (eq. 9).

    The paper keeps a target t per image; here each annotation has one, over the K object classes:
    t <- beta * t + (1 - beta) * p, where p is the mean over the batch's positive RoIs matched to
    the annotation, renormalised without background. t starts at 0 and carries no gradient.
    Negatives have cross entropy alone, as have RoIs with weight 0, which leave no trace in t.

    Args:
        lam: weight of the regulariser (lambda), at least 0; 3 is the paper's for the ten classes of
            CIFAR-10, 7 for the hundred of CIFAR-100.
        beta: share of the old target that stays, in [0, 1]; 0.7 is the paper's for CIFAR-10, 0.9
            for CIFAR-100.

    Raises:
        ValueError: a parameter out of its range.
    """

    def __init__(self, *, lam: float = 3.0, beta: float = 0.7) -> None:
        if not lam >= 0.0:
            raise ValueError(f"lam must be at least 0, got {lam}")
        if not 0.0 <= beta <= 1.0:
            raise ValueError(f"beta must be in [0, 1], got {beta}")
        self.lam, self.beta = lam, beta
        self.targets = AnnotationMemory()

    def loss(self, logits: Tensor, labels: Tensor, ctx: LossContext) -> Tensor:
        """Loss per RoI, shape (N,); the targets move by this batch first, as in the paper's code.

        Args:
            logits: RoI class scores, shape (N, K+1), background last.
            labels: class index per RoI, shape (N,).
            ctx: the batch's context; annotation ids and weights are used.
        """
        losses = cross_entropy(logits, labels)
        positive = (labels < logits.shape[1] - 1) & (ctx.weights > 0)
        if ctx.annotation_ids is None or not positive.any():
            return losses
        probabilities = object_probabilities(logits[positive]).clamp(_LEAST, 1.0 - _LEAST)
        targets = self._moved(ctx.annotation_ids[positive], probabilities.detach())
        agreement = (probabilities * targets).sum(dim=1)
        regulariser = torch.zeros_like(losses)
        regulariser[positive] = self.lam * torch.log1p(-agreement)
        return losses + regulariser

    def _moved(self, ids: Tensor, probabilities: Tensor) -> Tensor:
        """Each RoI's target after this batch, shape (M, K)."""
        normalised = probabilities / probabilities.sum(dim=1, keepdim=True)
        unique, means, place = mean_by_annotation(normalised, ids)
        targets = self.beta * self.targets.read(unique, like=means) + (1.0 - self.beta) * means
        self.targets.write(unique, targets)
        return targets[place]

    def state_dict(self) -> dict[str, Any]:
        """The targets."""
        return self.targets.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take the targets of a state."""
        self.targets.load_state_dict(dict(state))

    def merged_state(
        self, before: Mapping[str, Any], states: Sequence[Mapping[str, Any]]
    ) -> dict[str, Any]:
        """The targets of ranks that each saw images of their own since `before`; exact."""
        return merged_memory(before, states)
