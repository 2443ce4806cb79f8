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

    >>> even = log_probabilities(torch.zeros(2, 4))
    >>> of_labels(even, torch.tensor([0, 3])).exp().tolist()
    [0.25, 0.25]
    """
    return log_probs.gather(1, labels.long().unsqueeze(1)).squeeze(1)


def object_probabilities(logits: Tensor) -> Tensor:
    """Predictions over object classes: background left out, the rest renormalised.

    Args:
        logits: RoI class scores, shape (N, K+1), background last.

    Returns:
        Shape (N, K), float32, or float64 for float64 logits.

    >>> object_probabilities(torch.tensor([[0.0, 0.0, 5.0]])).tolist()
    [[0.5, 0.5]]
    """
    # A softmax over the object logits is the full softmax renormalised without background, and
    # stays exact where background takes nearly all the probability.
    wide = logits.float() if logits.dtype in (torch.float16, torch.bfloat16) else logits
    return torch.softmax(wide[:, :-1], dim=1)
