"""Class log-probabilities of RoIs, in a precision that losses can rely on.

Shapes: N RoIs, K object classes, background last.
"""

import torch
from torch import Tensor
from torch.nn.functional import log_softmax


def log_probabilities(logits: Tensor) -> Tensor:
    """Log-softmax over classes, in float32 or, for float64 logits, in float64.

    Args:
        logits: class scores, shape (N, C), any floating type.

    Returns:
        Log-probabilities, shape (N, C); finite for finite logits.
    """
    if logits.dtype in (torch.float16, torch.bfloat16):
        # Half precision resolves 1 - p to 3 digits at best, and only up to p = 0.996 in bfloat16.
        logits = logits.float()
    return log_softmax(logits, dim=1)


def of_labels(log_probs: Tensor, labels: Tensor) -> Tensor:
    """The entry of each RoI's own label: log p_y.

    Args:
        log_probs: log-probabilities, shape (N, C).
        labels: class index per RoI, shape (N,).

    Returns:
        Shape (N,).
    """
    return log_probs.gather(1, labels.long().unsqueeze(1)).squeeze(1)
