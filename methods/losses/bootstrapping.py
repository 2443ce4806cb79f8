"""Bootstrapping: labels mixed with predictions (Reed et al., ICLR workshop 2015)."""

from torch import Tensor

from noisyseg.methods.probabilities import log_probabilities, of_labels


def hard_bootstrapping(logits: Tensor, labels: Tensor, *, beta: float = 0.8) -> Tensor:
    """-beta * log p_y - (1 - beta) * log p_z, z the class predicted, over all K+1 classes.

    Reed et al., section 3.2, equation of L_hard; their beta is 0.8. z is taken as given: no
    gradient passes through the choice. In a tie the first class is z.

    Args:
        logits: RoI class scores, shape (N, K+1), background last.
        labels: class index per RoI, shape (N,).
        beta: share of the label in the target, in [0, 1].

    Returns:
        Loss per RoI, shape (N,).

    Raises:
        ValueError: beta outside [0, 1].
    """
    _check(beta)
    log_probs = log_probabilities(logits)
    # From the logits: in log-probabilities rounding could turn an order into a tie.
    predicted = logits.detach().argmax(dim=1)
    return -beta * of_labels(log_probs, labels) - (1.0 - beta) * of_labels(log_probs, predicted)


def soft_bootstrapping(logits: Tensor, labels: Tensor, *, beta: float = 0.95) -> Tensor:
    """-sum_k (beta * q_k + (1 - beta) * p_k) log p_k, over all K+1 classes.

    Reed et al., section 3.2, equation of L_soft; their beta is 0.95. The target's p_k carries its
    gradient: the second term is the prediction's entropy, which the paper names as what this
    loss is equal to, cross entropy with minimum entropy regularisation.

    Args:
        logits: RoI class scores, shape (N, K+1), background last.
        labels: class index per RoI, shape (N,).
        beta: share of the label in the target, in [0, 1].

    Returns:
        Loss per RoI, shape (N,).

    Raises:
        ValueError: beta outside [0, 1].
    """
    _check(beta)
    log_probs = log_probabilities(logits)
    entropy = -(log_probs.exp() * log_probs).sum(dim=1)
    return -beta * of_labels(log_probs, labels) + (1.0 - beta) * entropy


def _check(beta: float) -> None:
    if not 0.0 <= beta <= 1.0:
        raise ValueError(f"beta must be in [0, 1], got {beta}")
