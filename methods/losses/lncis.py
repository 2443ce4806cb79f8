"""Learning with noisy class labels for instance segmentation (Yang et al., ECCV 2020)."""

import torch
from torch import Tensor

from noisyseg.methods.context import LossContext
from noisyseg.methods.losses.clamped_cross_entropy import check_convention, clamped_losses
from noisyseg.methods.losses.cross_entropy import cross_entropy
from noisyseg.methods.losses.symmetric_cross_entropy import reverse_cross_entropy
from noisyseg.methods.sample_sets import GAMMA, sample_sets
from noisyseg.methods.stages import Stage, stage_at


def lncis(
    logits: Tensor,
    labels: Tensor,
    ctx: LossContext,
    *,
    gamma: float = GAMMA,
    log_zero: float = -4.0,
    e1: float = 0.5,
    stage_wise: bool = True,
    negatives: bool = True,
    pseudo_negatives: bool = True,
    isolate: bool = True,
    convention: str = "paper",
) -> Tensor:
    """Cross entropy in the first stage, `separated_losses` (eq. 4) in the second.

    The four switches are the components of the paper's ablation (table 4): ST, N, PSN and PON.
    With all of them off, every RoI has reverse cross entropy from the first epoch.

    Args:
        logits: RoI class scores, shape (N, K+1), background last.
        labels: class index per RoI, shape (N,).
        ctx: the batch's context; its epoch chooses the stage.
        gamma: cross entropy (nats) above which a sample is potentially noisy, at least 0.
        log_zero: A, the stand-in for log 0 in reverse cross entropy, below 0.
        e1: where the first stage ends, as a fraction of all epochs in [0, 1]; E1 = E/2 in the
            paper. Of an odd number of epochs the middle one is in the second stage.
        stage_wise: whether there is a first stage (ST).
        negatives, pseudo_negatives, isolate: see `separate`.
        convention: "paper", or "lncis-code": what the authors' published code does. Its first stage
            is the paper's, mmdet's own cross entropy (their stage-one configuration); the second
            has `clamped_losses` and never isolates (the lines are commented out there), so that
            gamma, log_zero and isolate are without effect.

    Returns:
        Loss per RoI, shape (N,).

    Raises:
        ValueError: a parameter out of its range, whatever the stage.
    """
    _check(gamma, log_zero)
    as_coded = check_convention(convention)
    ordinary = cross_entropy(logits, labels)
    stage = stage_at(schedule(e1), ctx.epoch, ctx.num_epochs)
    if stage_wise and stage.name == "cross entropy":
        return ordinary
    if as_coded:
        ordinary, robust = clamped_losses(logits, labels, ctx.weights)
        isolate = False
    else:
        robust = reverse_cross_entropy(logits, labels, log_zero=log_zero)
    return separate(
        logits,
        labels,
        ordinary=ordinary,
        robust=robust,
        gamma=gamma,
        negatives=negatives,
        pseudo_negatives=pseudo_negatives,
        isolate=isolate,
    )


def schedule(e1: float) -> tuple[Stage, Stage]:
    """The two stages: cross entropy in epochs 1 to e1 * E, separated losses after.

    Raises:
        ValueError: e1 outside [0, 1].
    """
    if not 0.0 <= e1 <= 1.0:
        raise ValueError(f"e1 is a fraction of the epochs and must be in [0, 1], got {e1}")
    return Stage(name="cross entropy", until=e1), Stage(name="separated losses", until=1.0)


def separated_losses(
    logits: Tensor,
    labels: Tensor,
    *,
    gamma: float = GAMMA,
    log_zero: float = -4.0,
    negatives: bool = True,
    pseudo_negatives: bool = True,
    isolate: bool = True,
) -> Tensor:
    """Cross entropy on N and PSN, 0 on PON outside PSN, reverse cross entropy on the rest (eq. 4).

    See `separate`; log_zero is A, the stand-in for log 0 in reverse cross entropy, below 0.
    """
    _check(gamma, log_zero)
    return separate(
        logits,
        labels,
        ordinary=cross_entropy(logits, labels),
        robust=reverse_cross_entropy(logits, labels, log_zero=log_zero),
        gamma=gamma,
        negatives=negatives,
        pseudo_negatives=pseudo_negatives,
        isolate=isolate,
    )


def separate(
    logits: Tensor,
    labels: Tensor,
    *,
    ordinary: Tensor,
    robust: Tensor,
    gamma: float,
    negatives: bool,
    pseudo_negatives: bool,
    isolate: bool,
) -> Tensor:
    """Eq. 4, made of two losses per RoI; `sample_sets` says which RoI is in which set.

    Membership carries no gradient. An isolated sample (PON outside PSN) has loss 0 and still
    counts in the divisor.

    Args:
        logits: RoI class scores, shape (N, K+1), background last.
        labels: class index per RoI, shape (N,).
        ordinary: the loss of N and PSN, shape (N,): cross entropy.
        robust: the loss of the rest, shape (N,).
        gamma: threshold of PON in nats, at least 0.
        negatives: whether N has the ordinary loss, or the robust one as the rest has.
        pseudo_negatives: the same for PSN.
        isolate: whether PON outside PSN has loss 0, or the robust one as the rest has.

    Returns:
        Loss per RoI, shape (N,).

    Raises:
        ValueError: gamma below 0.
    """
    sets = sample_sets(logits, labels, gamma=gamma)
    losses = robust
    if isolate:
        losses = torch.where(sets.isolated, 0.0, losses)
    if negatives:
        losses = torch.where(sets.negative, ordinary, losses)
    if pseudo_negatives:
        losses = torch.where(sets.pseudo_negative, ordinary, losses)
    return losses


def _check(gamma: float, log_zero: float) -> None:
    if not gamma >= 0.0:
        raise ValueError(f"gamma must be at least 0, got {gamma}")
    if not log_zero < 0.0:
        raise ValueError(f"log_zero must be below 0, got {log_zero}")
