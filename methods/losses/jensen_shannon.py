"""Generalised Jensen-Shannon divergence loss (Englesson & Azizpour, NeurIPS 2021)."""

import math

import torch
from torch import Tensor

from noisyseg.methods.context import LossContext, needs
from noisyseg.methods.probabilities import log_probabilities, of_labels

_LEAST = 1e-6
"""Of pi and 1 - pi: nearer the ends, float32 leaves nothing of the loss but rounding."""


@needs("annotation_ids")
def generalized_jensen_shannon(
    logits: Tensor, labels: Tensor, ctx: LossContext, *, pi: float = 0.5
) -> Tensor:
    """Divergence of a label and the M - 1 predictions made of one object, over -(1-pi) log(1-pi).

    Englesson & Azizpour, section 3 (equations of D_GJS and L_GJS), with weight pi on the label
    and the rest spread evenly over the predictions, over all K+1 classes. It is computed as its
    two parts (their proposition 2): JS(q, mean p) + (1 - pi) * mean KL(p || mean p). With one
    prediction it is the paper's JS loss: cross entropy as pi -> 0, 1 - p_y as pi -> 1.

    The paper's predictions are of augmented views of one image. Here an object's views are the
    batch's positive RoIs matched to it that have weight above 0. Each of them has the group's
    divergence as its loss, so a group counts as its RoIs do. Negatives, RoIs with weight 0 and
    RoIs alone with their object have the JS loss.

    Args:
        logits: RoI class scores, shape (N, K+1), background last.
        labels: class index per RoI, shape (N,).
        ctx: the batch's context; annotation ids and weights are used.
        pi: the label's weight pi_1, in (0, 1). The paper tunes it per noise from 0.1 to 0.9; 0.5 is
            its authors' for CIFAR-100 with 40 % symmetric noise.

    Returns:
        Loss per RoI, shape (N,).

    Raises:
        ValueError: pi outside (0, 1), or within 1e-6 of its ends.
    """
    if not _LEAST <= pi <= 1.0 - _LEAST:
        raise ValueError(f"pi must be in (0, 1), at least {_LEAST} from its ends, got {pi}")
    log_probs = log_probabilities(logits)
    place, counts = _groups(labels == logits.shape[1] - 1, ctx)
    log_means = _log_means(log_probs, place, counts)
    spread = (log_probs.exp() * (log_probs - log_means)).sum(dim=1)
    consistency = _sums(spread, place, counts)[place] / counts[place].to(spread.dtype)
    label_part = _label_part(of_labels(log_means, labels), pi)
    return (label_part + consistency) / -math.log1p(-pi)


def _groups(negative: Tensor, ctx: LossContext) -> tuple[Tensor, Tensor]:
    """Each RoI's group, shape (N,), and the size of each of the G groups, shape (G,)."""
    assert ctx.annotation_ids is not None  # asked for by `needs`
    ids = ctx.annotation_ids
    alone = negative | (ctx.weights <= 0) | (ids < 0)
    own = -1 - torch.arange(len(ids), device=ids.device)
    group = torch.where(alone, own, ids)
    _, place, counts = torch.unique(group, return_inverse=True, return_counts=True)
    return place, counts


def _log_means(log_probs: Tensor, place: Tensor, counts: Tensor) -> Tensor:
    """Logarithm of the group's mean prediction for each RoI, shape (N, K+1).

    By way of each group's largest: a mean that underflows to 0 would have an infinite slope.
    """
    index = place.unsqueeze(1).expand_as(log_probs)
    least = log_probs.new_full((len(counts), log_probs.shape[1]), -math.inf)
    largest = least.scatter_reduce(0, index, log_probs.detach(), "amax")
    sums = _sums((log_probs - largest[place]).exp(), place, counts)
    sizes = counts.unsqueeze(1).to(sums.dtype)
    return (largest + sums.log() - sizes.log())[place]


def _sums(values: Tensor, place: Tensor, counts: Tensor) -> Tensor:
    """Sums over each group, shape (G, ...)."""
    return values.new_zeros(len(counts), *values.shape[1:]).index_add(0, place, values)


def _label_part(log_own: Tensor, pi: float) -> Tensor:
    """JS(q, p) / (1 - pi) of one-hot labels q and predictions p, from log p_y, shape (N,).

    With m = pi + (1 - pi) p_y it is pi * KL(q || mixture) + (1 - pi) * KL(p || mixture), where
    off the label the mixture is (1 - pi) p_k: -pi log m + (1 - pi) (p_y log(p_y / m)
    - (1 - p_y) log(1 - pi)).
    """
    missing = -torch.expm1(log_own)
    log_mixture = torch.log1p(-(1.0 - pi) * missing)
    of_label = -pi / (1.0 - pi) * log_mixture
    of_prediction = log_own.exp() * (log_own - log_mixture) - math.log1p(-pi) * missing
    return of_label + of_prediction
