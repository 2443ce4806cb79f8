"""Loss correction by a transition matrix (Patrini et al., CVPR 2017, sections 3.1 to 3.3)."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from noisyseg.methods.context import NOISE_MATRIX, LossContext
from noisyseg.methods.kept_predictions import merged_predictions
from noisyseg.methods.losses.cross_entropy import cross_entropy
from noisyseg.methods.probabilities import log_probabilities, object_probabilities, of_labels
from noisyseg.methods.stages import Stage, stage_at

ROWS = 65536
"""Predictions kept for the estimate: those of the last positive RoIs of an epoch."""
_LEAST = 1e-6
"""A class that no class turns into according to T still has this probability of its own."""
_ROUNDING = 1e-9
"""Kept from taking a whole place for the next one: a percentile of it as floats can be above."""
_FLOOR = 1e-7
"""Of probabilities in backward correction, as in the authors' code (Keras's epsilon)."""


class Correction:
    """What forward and backward correction share: T, given or estimated.

    T[i, j] is the probability that class i is labelled j. It is over the K object classes: a wrong
    class still says "foreground", so background is labelled background.

    Estimated (section 3.3, eq. 12): cross entropy in a warm-up; then, for each class i, T[i] is
    the prediction of the RoI that is most surely i among the positive RoIs of the warm-up's last
    epoch (the last 65536 of them), background left out and the rest renormalised; see
    `estimate_matrix`. The paper trains anew with T; here the training goes on.

    Args:
        matrix: "estimated", or "manifest": the realised matrix of the noise. No real data set
            knows it; results with it are an upper bound for the method.
        warmup: share of the epochs in [0, 1] that the warm-up takes, with "estimated" alone.
        percentile: of p(i) among those RoIs, in [0, 100]; what reaches it is passed over as an
            outlier. The paper takes 97, and with the hundred classes of CIFAR-100 passes over
            nothing (100), as is done here for each class that is too rare for it.

    Raises:
        ValueError: a parameter out of its range.
    """

    def __init__(
        self, *, matrix: str = "estimated", warmup: float = 0.5, percentile: float = 97.0
    ) -> None:
        if matrix not in ("estimated", "manifest"):
            raise ValueError(f"matrix must be estimated or manifest, got {matrix}")
        if not 0.0 <= warmup <= 1.0:
            raise ValueError(f"warmup is a fraction of the epochs, in [0, 1], got {warmup}")
        if not 0.0 <= percentile <= 100.0:
            raise ValueError(f"percentile must be in [0, 100], got {percentile}")
        self.needs = (NOISE_MATRIX,) if matrix == "manifest" else ()
        self.stages = (Stage(name="warm-up", until=warmup), Stage(name="corrected", until=1.0))
        self.percentile = percentile
        self.seen: Tensor | None = None
        """The predictions kept, shape (ROWS, K)."""
        self.count = 0
        """How many there have been in the epoch."""
        self.epoch = -1
        """Which epoch that is."""
        self.estimate: Tensor | None = None

    def loss(self, logits: Tensor, labels: Tensor, ctx: LossContext) -> Tensor:
        """Loss per RoI, shape (N,).

        Args:
            logits: RoI class scores, shape (N, K+1), background last.
            labels: class index per RoI, shape (N,).
            ctx: the batch's context; weights, epoch and the noise matrix are used.
        """
        if self.needs:
            assert ctx.noise_matrix is not None
            return self.corrected(logits, labels, ctx.noise_matrix)
        if stage_at(self.stages, ctx.epoch, ctx.num_epochs).name == "warm-up":
            positive = (labels < logits.shape[1] - 1) & (ctx.weights > 0)
            self._keep(object_probabilities(logits.detach()[positive]), ctx.epoch)
            return cross_entropy(logits, labels)
        if self.estimate is None:
            self.estimate = self._estimated(ctx.num_classes)
        return self.corrected(logits, labels, self.estimate)

    def corrected(self, logits: Tensor, labels: Tensor, matrix: Tensor) -> Tensor:
        """Loss per RoI by T, shape (K, K)."""
        raise NotImplementedError

    def _keep(self, rows: Tensor, epoch: int) -> None:
        if not len(rows):
            return
        if epoch != self.epoch:  # the network of an epoch before knew less
            self.epoch, self.count = epoch, 0
        if self.seen is None:
            self.seen = torch.zeros(ROWS, rows.shape[1])
        self.seen = self.seen.to(rows.device)
        kept = rows[-ROWS:]
        first = self.count + len(rows) - len(kept)
        places = (first + torch.arange(len(kept), device=rows.device)) % ROWS
        self.seen[places] = kept.to(self.seen)
        self.count += len(rows)

    def _estimated(self, num_classes: int) -> Tensor:
        if self.seen is None or self.count == 0:
            return torch.eye(num_classes)
        return estimate_matrix(self.seen[: self.count], self.percentile)

    def state_dict(self) -> dict[str, Any]:
        """The predictions kept until there is an estimate, then it."""
        state: dict[str, Any] = {"count": self.count, "epoch": self.epoch}
        if self.seen is not None and self.estimate is None:
            state["seen"] = self.seen[: self.count].cpu().clone()
        if self.estimate is not None:
            state["estimate"] = self.estimate.cpu()
        return state

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a state."""
        self.count, self.epoch = int(state["count"]), int(state["epoch"])
        self.seen = None
        if "seen" in state:
            rows = state["seen"]
            self.seen = rows.new_zeros(ROWS, rows.shape[1])
            self.seen[: len(rows)] = rows
        self.estimate = state["estimate"].clone() if "estimate" in state else None

    def merged_state(
        self, before: Mapping[str, Any], states: Sequence[Mapping[str, Any]]
    ) -> dict[str, Any]:
        """One state of ranks that each saw images of their own since `before`.

        Exact, but for the order, as long as an epoch has no more than 65536 positive RoIs. Of more,
        the last are kept as if the ranks had had theirs at an even pace.
        """
        for state in states:
            if "estimate" in state:  # made of the same predictions by every rank that has it
                return dict(state)
        return merged_predictions(before, states, limit=ROWS)


class ForwardCorrection(Correction):
    """Forward correction (theorem 2): cross entropy of T^T p, what the noisy labels should be."""

    def corrected(self, logits: Tensor, labels: Tensor, matrix: Tensor) -> Tensor:
        """-log sum_i T[i, y] p_i for an object label y; -log p_y for background."""
        log_probs = log_probabilities(logits)
        num_classes = logits.shape[1] - 1
        matrix = matrix.to(log_probs)
        matrix = torch.maximum(matrix, _LEAST * torch.eye(num_classes).to(matrix))
        is_object = labels < num_classes
        columns = matrix.log().T[labels.where(is_object, 0)]
        mixed = -torch.logsumexp(log_probs[:, :-1] + columns, dim=1)
        return torch.where(is_object, mixed, -of_labels(log_probs, labels))


class BackwardCorrection(Correction):
    """Backward correction (theorem 1): the losses of all classes, weighted by T^-1.

    Unbiased: its mean over noisy labels is the loss of the true one. Some weights are negative, so
    that a loss can be, too. As in the authors' code, p is kept from falling below 1e-7: without a
    floor, a T that is more diffuse than the noise gives losses without a bound.
    """

    def corrected(self, logits: Tensor, labels: Tensor, matrix: Tensor) -> Tensor:
        """sum_j T^-1[y, j] (-log max(p_j, 1e-7)) for an object label y; -log p_y for background.

        Raises:
            ValueError: T has no inverse.
        """
        log_probs = log_probabilities(logits)
        inverse = inverted(matrix).to(log_probs)
        is_object = labels < logits.shape[1] - 1
        weights = inverse[labels.where(is_object, 0)]
        mixed = -(weights * log_probs[:, :-1].clamp_min(math.log(_FLOOR))).sum(dim=1)
        return torch.where(is_object, mixed, -of_labels(log_probs, labels))


def estimate_matrix(predictions: Tensor, percentile: float) -> Tensor:
    """T from predictions (eq. 12): row i is the prediction of the RoI that is most surely i.

    That is one of the RoIs whose largest class is i: a row of any other says how another class is
    labelled. Of them it is the one with the largest p(i) strictly below the percentile, as in the
    authors' code. Of a class with few of the RoIs (at the 97th percentile, less than some 6 %, as
    most of COCO's have) that passes over more than half of its own: for it, the largest p(i). What
    no RoI is predicted as is taken to be labelled as it is, T[i, i] = 1.

    Args:
        predictions: over the K object classes, shape (M, K), M >= 1.
        percentile: of p(i) over the M (the sample at or above it); 100 passes over nothing.

    Returns:
        Shape (K, K); each row sums to 1.
    """
    num_classes = predictions.shape[1]
    matrix = torch.eye(num_classes).to(predictions)
    largest = predictions.argmax(dim=1)
    for number in range(num_classes):
        own = (largest == number).nonzero()[:, 0]
        if len(own):
            sure = predictions[:, number]
            candidates = _below_percentile(own, sure, percentile)
            matrix[number] = predictions[candidates[sure[candidates].argmax()]]
    return matrix


def _below_percentile(own: Tensor, sure: Tensor, percentile: float) -> Tensor:
    """Those of a class's own RoIs that are below the percentile of all; of a rare class, all."""
    if percentile == 100.0:
        return own
    place = math.ceil(percentile / 100.0 * (len(sure) - 1) - _ROUNDING)
    below = own[sure[own] < sure.kthvalue(place + 1).values]
    # What only ties with the percentile does not make a class rare.
    passed_over = min(len(own) - len(below), len(sure) - place)
    return below if len(below) and 2 * passed_over <= len(own) else own


def inverted(matrix: Tensor) -> Tensor:
    """The inverse of T, in float64.

    Raises:
        ValueError: T has no inverse, or one that float32 losses would lose every digit by.
    """
    matrix = matrix.double()
    if not torch.linalg.cond(matrix) < 1e5:
        raise ValueError(
            "backward correction needs a transition matrix that can be inverted, and this one "
            "(condition number above 1e5) cannot; forward correction needs no inverse"
        )
    inverse: Tensor = torch.linalg.inv(matrix)
    return inverse
