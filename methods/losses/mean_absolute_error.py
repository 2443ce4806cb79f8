"""Mean absolute error (Ghosh et al., AAAI 2017)."""

import torch
from torch import Tensor

from noisyseg.methods.probabilities import log_probabilities, of_labels


def mean_absolute_error(logits: Tensor, labels: Tensor) -> Tensor:
    """||q - p||_1 = 2 (1 - p_y), q the one-hot label; summed over labels it is 2K.

    Ghosh et al., section "MAE loss". It is gce at q = 1 twice over, and rce at A = -2.

    Args:
        logits: RoI class scores, shape (N, K+1), background last.
        labels: class index per RoI, shape (N,).

    Returns:
        Loss per RoI, shape (N,), in [0, 2].
    """
    return -2.0 * torch.expm1(of_labels(log_probabilities(logits), labels))
