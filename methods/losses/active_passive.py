"""Active passive loss: normalised with reverse cross entropy (Ma et al., ICML 2020)."""

from torch import Tensor

from noisyseg.methods.losses.symmetric_cross_entropy import reverse_cross_entropy
from noisyseg.methods.probabilities import log_probabilities, of_labels


def normalized_cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross entropy over its sum for all labels, log p_y / sum_k log p_k; over labels it sums to 1.

    Ma et al., section 3.2, equation of NCE.

    Args:
        logits: RoI class scores, shape (N, K+1), background last.
        labels: class index per RoI, shape (N,).

    Returns:
        Loss per RoI, shape (N,), in [0, 1].
    """
    log_probs = log_probabilities(logits)
    # The sum never reaches 0: it is at most -(K+1) log(K+1), which equal probabilities give.
    return of_labels(log_probs, labels) / log_probs.sum(dim=1)


def active_passive(
    logits: Tensor,
    labels: Tensor,
    *,
    alpha: float = 1.0,
    beta: float = 1.0,
    log_zero: float = -4.0,
) -> Tensor:
    """The sum alpha * normalised cross entropy (active) + beta * reverse (passive).

    Ma et al., section 3.3, equation of APL. Their weights (alpha, beta) were tuned for each data
    set and are no function of K: (1, 100) for MNIST and (1, 1) for CIFAR-10, the default here, with
    ten classes each; (50, 0.1) for WebVision with 50, (10, 0.1) for CIFAR-100. So none is made up
    here for a K between. But (1, 1) is for about ten classes: where p_y is 1/2 and the rest even,
    the passive term's slope is 51 times the active one's at K = 10 and 717 times at K = 80, nearly
    `rce` alone; with (10, 0.1) it is 7 times there. A is -4 as in the other methods; the authors'
    code has ln 1e-4, 2.3 times as much.

    Args:
        logits: RoI class scores, shape (N, K+1), background last.
        labels: class index per RoI, shape (N,).
        alpha: weight of the active term, at least 0; 10 to 50 where classes are many.
        beta: weight of the passive term, at least 0; 0.1 where classes are many.
        log_zero: A, the stand-in for log 0 in the passive term, below 0.

    Returns:
        Loss per RoI, shape (N,).

    Raises:
        ValueError: a negative weight, or log_zero not below 0.
    """
    for name, weight in (("alpha", alpha), ("beta", beta)):
        if not weight >= 0.0:
            raise ValueError(f"{name} must be at least 0, got {weight}")
    passive = reverse_cross_entropy(logits, labels, log_zero=log_zero)
    return alpha * normalized_cross_entropy(logits, labels) + beta * passive
