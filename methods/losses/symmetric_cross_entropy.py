"""Symmetric cross entropy and its reverse term (Wang et al., ICCV 2019, section 3)."""

import torch
from torch import Tensor

from noisyseg.methods.context import LossContext
from noisyseg.methods.losses.clamped_cross_entropy import check_convention, clamped_losses
from noisyseg.methods.losses.cross_entropy import cross_entropy
from noisyseg.methods.probabilities import log_probabilities, of_labels


def reverse_cross_entropy(logits: Tensor, labels: Tensor, *, log_zero: float = -4.0) -> Tensor:
    """-sum_k p_k log q_k with log 0 := A, that is -A (1 - p_y); summed over labels it is -K A.

    Yang et al., ECCV 2020, eq. 5. Its gradient at z_j is A p_y (1 - p_y) for j = y and
    -A p_y p_j otherwise (eq. 7).

    Args:
        logits: RoI class scores, shape (N, K+1), background last.
        labels: class index per RoI, shape (N,).
        log_zero: A, the stand-in for log 0, below 0.

    Returns:
        Loss per RoI, shape (N,).

    Raises:
        ValueError: log_zero not below 0.
    """
    if not log_zero < 0.0:
        raise ValueError(f"log_zero must be below 0, got {log_zero}")
    return log_zero * torch.expm1(of_labels(log_probabilities(logits), labels))


def symmetric_cross_entropy(
    logits: Tensor,
    labels: Tensor,
    ctx: LossContext,
    *,
    alpha: float = 1.0,
    beta: float = 0.1,
    log_zero: float = -4.0,
    convention: str = "paper",
) -> Tensor:
    """The weighted sum alpha * cross entropy + beta * reverse cross entropy.

    Args:
        logits: RoI class scores, shape (N, K+1), background last.
        labels: class index per RoI, shape (N,).
        ctx: the batch's context; its weights are used by lncis-code alone.
        alpha: weight of cross entropy, at least 0.
        beta: weight of reverse cross entropy, at least 0.
        log_zero: A, the stand-in for log 0 in the reverse term, below 0.
        convention: "paper", or "lncis-code": both terms as the code of Yang et al. has them
            (`clamped_losses`), where log_zero is without effect.

    Returns:
        Loss per RoI, shape (N,).

    Raises:
        ValueError: a negative weight, log_zero not below 0, or an unknown convention.
    """
    for name, weight in (("alpha", alpha), ("beta", beta)):
        if not weight >= 0.0:
            raise ValueError(f"{name} must be at least 0, got {weight}")
    reverse = reverse_cross_entropy(logits, labels, log_zero=log_zero)
    if check_convention(convention):
        ordinary, reverse = clamped_losses(logits, labels, ctx.weights)
        return alpha * ordinary + beta * reverse
    return alpha * cross_entropy(logits, labels) + beta * reverse
