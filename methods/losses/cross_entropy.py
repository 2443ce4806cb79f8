"""Cross entropy, the classification loss of Mask R-CNN (He et al., ICCV 2017)."""

from torch import Tensor

from noisyseg.methods.probabilities import log_probabilities, of_labels


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """-log p_y.

    Args:
        logits: RoI class scores, shape (N, K+1), background last.
        labels: class index per RoI, shape (N,).

    Returns:
        Loss per RoI, shape (N,).
    """
    return -of_labels(log_probabilities(logits), labels)
