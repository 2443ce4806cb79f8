"""Small-loss selection by a single network, the rule of Co-teaching (Han et al., NeurIPS 2018)."""

import math

import torch
from torch import Tensor

from noisyseg.methods.context import LossContext
from noisyseg.methods.losses.cross_entropy import cross_entropy

_ROUNDING = 1e-9
"""Kept from turning a whole number of RoIs into one less: 0.29 * 100 is 28.999… as floats."""


def small_loss(
    logits: Tensor,
    labels: Tensor,
    ctx: LossContext,
    *,
    forget: float = 0.2,
    ramp: float = 0.05,
) -> Tensor:
    """Cross entropy of the positive RoIs that have the smallest of it in their batch; 0 for others.

    Of n positive RoIs with weight above 0, the least number that is at least R n is kept, where
    R = 1 - forget * min(t / ramp, 1) and t is the share of the training's iterations already done
    (Han et al., algorithm 1, steps 4 and 8; they count t in their 200 epochs, of which a detector's
    training has too few for a ramp of whole ones).
    Co-teaching lets each of two networks choose for the other; here the one network chooses for
    itself. Negatives keep cross entropy: their label cannot have been flipped. So do RoIs with
    weight 0, which are neither counted nor compared. RoIs left out still count in the divisor.

    Args:
        logits: RoI class scores, shape (N, K+1), background last.
        labels: class index per RoI, shape (N,).
        ctx: the batch's context; weights and progress are used.
        forget: tau, the assumed share of wrong labels, in [0, 1]. The paper sets it to the true
            rate, which a benchmark's method is not told: 0.2 is its lowest.
        ramp: share of the training, in (0, 1], at which R reaches 1 - forget. The paper's T_k is 10
            of 200 epochs. The first iteration leaves nothing out.

    Returns:
        Loss per RoI, shape (N,).

    Raises:
        ValueError: a parameter out of its range.
    """
    if not 0.0 <= forget <= 1.0:
        raise ValueError(f"forget must be in [0, 1], got {forget}")
    if not 0.0 < ramp <= 1.0:
        raise ValueError(f"ramp must be in (0, 1], got {ramp}")
    losses = cross_entropy(logits, labels)
    share = forget * min(ctx.progress / ramp, 1.0)
    compared = ((labels < logits.shape[1] - 1) & (ctx.weights > 0)).nonzero().squeeze(1)
    left_out = math.floor(share * len(compared) + _ROUNDING)
    # Stable: of equal losses the later ones are left out, on every device.
    order = losses.detach()[compared].argsort(stable=True)
    keep = torch.ones_like(losses, dtype=torch.bool)
    keep[compared[order[len(compared) - left_out :]]] = False
    return torch.where(keep, losses, torch.zeros_like(losses))
