"""Generalized cross entropy (Zhang & Sabuncu, NeurIPS 2018, eq. 6)."""

import torch
from torch import Tensor

from noisyseg.methods.probabilities import log_probabilities, of_labels


def generalized_cross_entropy(logits: Tensor, labels: Tensor, *, q: float = 0.3) -> Tensor:
    """(1 - p_y^q) / q: cross entropy as q -> 0, 1 - p_y (half the absolute error) at q = 1.

    Args:
        logits: RoI class scores, shape (N, K+1), background last.
        labels: class index per RoI, shape (N,).
        q: robustness exponent in (0, 1].

    Returns:
        Loss per RoI, shape (N,).

    Raises:
        ValueError: q outside (0, 1].
    """
    if not 0.0 < q <= 1.0:
        raise ValueError(f"q must be in (0, 1], got {q}")
    # By way of the logarithm: p_y.pow(q) has an infinite slope once p_y underflows to 0, and
    # 1 - p_y^q loses every digit for small q.
    return -torch.expm1(q * of_labels(log_probabilities(logits), labels)) / q
