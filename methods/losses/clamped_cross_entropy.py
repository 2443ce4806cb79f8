"""Cross entropy and its reverse as the paper's authors' code computes them (`lncis-code`).

Labels one-hot with 0 replaced by 1e-4, probabilities kept within [1e-7, 1], natural logarithms, so
that A = ln 1e-4 = -9.21 in place of the paper's -4, and a plain mean over all RoIs.
"""

import math

import torch
from torch import Tensor

from noisyseg.methods.probabilities import log_probabilities, of_labels

CONVENTIONS = ("paper", "lncis-code")
LABEL_FLOOR = 1e-4
PROBABILITY_FLOOR = 1e-7


def check_convention(convention: str) -> bool:
    """Whether the losses are the authors' code's, and not the paper's.

    Raises:
        ValueError: neither of `CONVENTIONS`.
    """
    if convention not in CONVENTIONS:
        raise ValueError(f"convention must be {' or '.join(CONVENTIONS)}, got {convention}")
    return convention == "lncis-code"


def clamped_losses(logits: Tensor, labels: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Cross entropy -sum_k q_k log p_k and reverse cross entropy -sum_k p_k log q_k, both clamped.

    The authors' mean goes over all RoIs and knows no weights. Each loss is therefore multiplied
    by count(weights > 0) / N and divided by its own weight, so that the reduction
    sum(loss * weights) / count(weights > 0) gives that mean. A RoI with weight 0 counts in N, but
    its loss cannot come through; in mmdet every sampled RoI has weight 1.

    Args:
        logits: RoI class scores, shape (N, K+1), background last.
        labels: class index per RoI, shape (N,).
        weights: per RoI, shape (N,).

    Returns:
        Two losses per RoI, each of shape (N,).
    """
    log_probs = log_probabilities(logits)
    # Where p is below its floor it is a constant, as in a clamp of p: no gradient comes from there.
    log_probs = log_probs.clamp_min(math.log(PROBABILITY_FLOOR))
    probs = log_probs.exp()
    own = of_labels(log_probs, labels)
    ordinary = -(1.0 - LABEL_FLOOR) * own - LABEL_FLOOR * log_probs.sum(dim=1)
    # Left out of the sum, not subtracted from it: near p_y = 1 rounding took up to a third.
    others = probs.scatter(1, labels.long().unsqueeze(1), 0.0).sum(dim=1)
    reverse = -math.log(LABEL_FLOOR) * others
    scale = _plain_mean_scale(weights.to(ordinary.dtype))
    return ordinary * scale, reverse * scale


def _plain_mean_scale(weights: Tensor) -> Tensor:
    weighted = weights > 0
    share = torch.count_nonzero(weighted) / max(len(weights), 1)
    return share / weights.where(weighted, 1.0)
