"""The paper's split of foreground and class decisions, with any robust loss in RCE's place.

Yang et al. (ECCV 2020, eq. 4) give reverse cross entropy to the samples whose label may be wrong,
and name other robust losses without trying them.
"""

import inspect
from collections.abc import Callable
from typing import Any

from torch import Tensor

from noisyseg.methods.context import LossContext
from noisyseg.methods.losses.active_passive import active_passive
from noisyseg.methods.losses.cross_entropy import cross_entropy
from noisyseg.methods.losses.generalized_cross_entropy import generalized_cross_entropy
from noisyseg.methods.losses.jensen_shannon import generalized_jensen_shannon
from noisyseg.methods.losses.lncis import schedule, separate
from noisyseg.methods.losses.mean_absolute_error import mean_absolute_error
from noisyseg.methods.losses.symmetric_cross_entropy import symmetric_cross_entropy
from noisyseg.methods.sample_sets import GAMMA
from noisyseg.methods.stages import stage_at


def split(robust: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """LNCIS with another robust loss.

    Args:
        robust: a loss function of a method: (logits, labels, [ctx,] **parameters) -> loss per RoI.

    Returns:
        A loss function with the parameters of robust, and gamma, e1 and isolate of `lncis`: cross
        entropy for all in the epochs up to e1 * E, then for N and PSN alone; loss 0 for PON
        outside PSN; robust for the rest. It needs what robust needs.
    """
    signature = inspect.signature(robust)
    takes_context = "ctx" in signature.parameters

    def loss(
        logits: Tensor,
        labels: Tensor,
        ctx: LossContext,
        *,
        gamma: float = GAMMA,
        e1: float = 0.5,
        isolate: bool = True,
        **parameters: Any,
    ) -> Tensor:
        """Eq. 4 with another robust loss; see `split`."""
        ordinary = cross_entropy(logits, labels)
        given = (logits, labels, ctx) if takes_context else (logits, labels)
        # Computed in both stages, so that a parameter out of its range is refused in both.
        other = robust(*given, **parameters)
        second = separate(
            logits,
            labels,
            ordinary=ordinary,
            robust=other,
            gamma=gamma,
            negatives=True,
            pseudo_negatives=True,
            isolate=isolate,
        )
        stage = stage_at(schedule(e1), ctx.epoch, ctx.num_epochs)
        return ordinary if stage.name == "cross entropy" else second

    own = [p for p in inspect.signature(loss).parameters.values() if p.kind is not p.VAR_KEYWORD]
    theirs = [p for p in signature.parameters.values() if p.kind is p.KEYWORD_ONLY]
    loss.__signature__ = inspect.Signature([*own, *theirs])  # type: ignore[attr-defined]
    loss.needs = getattr(robust, "needs", ())  # type: ignore[attr-defined]
    return loss


split_gce = split(generalized_cross_entropy)
split_mae = split(mean_absolute_error)
split_sce = split(symmetric_cross_entropy)
split_nce_rce = split(active_passive)
split_gjs = split(generalized_jensen_shannon)
