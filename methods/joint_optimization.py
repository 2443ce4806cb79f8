"""Joint optimization's loss (Tanaka et al., CVPR 2018, section 3), without relabelling."""

import math

import torch
from torch import Tensor

from noisyseg.methods.context import LossContext
from noisyseg.methods.cross_entropy import cross_entropy
from noisyseg.methods.probabilities import log_probabilities


def joint_optimization(
    logits: Tensor,
    labels: Tensor,
    ctx: LossContext,
    *,
    alpha: float = 0.8,
    beta: float = 1.2,
) -> Tensor:
    """L_c + alpha * L_p + beta * L_e: cross entropy, a class prior and an entropy term.

    This is the framework's loss alone: labels stay as given. The published method also replaces
    labels by the network's own averaged predictions; that relabelling is not done here.

    L_p and L_e (see `prior_and_entropy`) are taken over the positive RoIs: object label and
    weight above 0. They are terms of the batch, spread evenly over these RoIs so that
    sum(loss * weights) / max(count(weights > 0), 1) holds exactly alpha * L_p + beta * L_e,
    whatever the weights. A batch without positive RoIs has cross entropy alone.

    Args:
        logits: RoI class scores, shape (N, K+1), background last.
        labels: class index per RoI, shape (N,).
        ctx: the batch's context; its weights are used.
        alpha: weight of L_p, at least 0.
        beta: weight of L_e, at least 0.

    Returns:
        Loss per RoI, shape (N,).

    Raises:
        ValueError: a negative weight.
    """
    for name, weight in (("alpha", alpha), ("beta", beta)):
        if not weight >= 0.0:
            raise ValueError(f"{name} must be at least 0, got {weight}")
    loss = cross_entropy(logits, labels)
    weights = ctx.weights.to(loss.dtype)
    positive = (labels < logits.shape[1] - 1) & (weights > 0)
    if not positive.any():
        return loss
    prior, entropy = prior_and_entropy(logits[positive])
    term = alpha * prior + beta * entropy
    share = term * torch.count_nonzero(weights > 0) / torch.count_nonzero(positive)
    # The weight is divided out because the reduction multiplies by it again.
    return loss + torch.where(positive, share / weights.where(positive, 1.0), 0.0)


def prior_and_entropy(logits: Tensor) -> tuple[Tensor, Tensor]:
    """L_p = KL(uniform prior || mean prediction) and L_e = mean entropy, over object classes.

    Background is left out of the predictions and the rest renormalised.

    Args:
        logits: class scores of positive RoIs, shape (N, K+1), background last, N >= 1.

    Returns:
        L_p and L_e in nats, two scalars.
    """
    # A softmax over the object logits is the full softmax renormalised without background,
    # and stays exact where background takes nearly all the probability.
    log_probs = log_probabilities(logits[:, :-1])
    count, num_classes = log_probs.shape
    log_mean = torch.logsumexp(log_probs, dim=0) - math.log(count)
    prior = -math.log(num_classes) - log_mean.mean()
    entropy = -(log_probs.exp() * log_probs).sum(dim=1).mean()
    return prior, entropy
