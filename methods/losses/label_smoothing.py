"""Label smoothing regularisation (Szegedy et al., CVPR 2016, section 7)."""

from torch import Tensor

from noisyseg.methods.probabilities import log_probabilities, of_labels


def label_smoothing(logits: Tensor, labels: Tensor, *, epsilon: float = 0.1) -> Tensor:
    """Cross entropy against (1 - epsilon) * one-hot + epsilon / (K+1), background included.

    Args:
        logits: RoI class scores, shape (N, K+1), background last.
        labels: class index per RoI, shape (N,).
        epsilon: share of the target spread evenly, in [0, 1]. The benchmark's paper gives no
            value; 0.1 is Szegedy's.

    Returns:
        Loss per RoI, shape (N,).

    Raises:
        ValueError: epsilon outside [0, 1].
    """
    if not 0.0 <= epsilon <= 1.0:
        raise ValueError(f"epsilon must be in [0, 1], got {epsilon}")
    log_probs = log_probabilities(logits)
    hard = -of_labels(log_probs, labels)
    even = -log_probs.mean(dim=1)
    return (1.0 - epsilon) * hard + epsilon * even
