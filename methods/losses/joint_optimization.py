"""Joint optimization of network and labels (Tanaka et al., CVPR 2018, sections 3 and 4)."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from noisyseg.methods.annotation_memory import (
    AnnotationMemory,
    mean_by_annotation,
    merged_memory,
)
from noisyseg.methods.context import ANNOTATION_IDS, LossContext
from noisyseg.methods.losses.cross_entropy import cross_entropy
from noisyseg.methods.probabilities import log_probabilities, object_probabilities
from noisyseg.methods.stages import Stage, stage_at


class JointOptimization:
    """L_c + alpha * L_p + beta * L_e (eq. 2), the labels updated by the network's own predictions.

    The paper is about images; here the labels are those of annotations, over the K object
    classes, since a wrong class still says "foreground". Once an epoch, an annotation's label
    becomes the mean prediction, background left out and the rest renormalised, of the positive
    RoIs matched to it in the epoch before (eq. 9; the paper averages over 10 of its 200 epochs).
    An annotation that no RoI was matched to keeps the label it had. L_c of a positive RoI is the
    cross entropy of the full prediction against that label with 0 for background: the paper's
    divergence (eq. 3) but for the label's entropy, which has no gradient. Negatives keep cross
    entropy.

    L_p and L_e (see `prior_and_entropy`) are taken over the P positive RoIs with weight above 0.
    They are terms of the batch and about these RoIs alone, each of which has the whole of
    alpha * L_p + beta * L_e beside its own cross entropy, as each image has in eq. 2: the reduction
    sum(loss * weights) / count(weights > 0) holds P / count(weights > 0) of it, whatever the
    weights. A batch without positive RoIs has cross entropy alone.

    Left out of the paper: the second training, from scratch on the final labels by cross entropy
    alone, and the constant high learning rate of the first; here one training goes on by its
    protocol. Box and mask targets, which belong to a class where their heads are class-specific,
    stay with the given labels.

    Args:
        alpha: weight of L_p, at least 0; 0.8 is the benchmark paper's (Yang et al.).
        beta: weight of L_e, at least 0; 1.2 is the benchmark paper's.
        relabel: whether labels are updated. False keeps them as given: the loss alone.
        start: share of the epochs in [0, 1] after which updated labels take the given ones'
            place; the paper's 70 of 200 epochs.
        soft: whether an updated label is the mean prediction itself (the paper's choice, eq. 9)
            or, hard, its largest class (eq. 8).
        prior: what L_p pulls the mean prediction to: "uniform" over the classes, the paper's
            for its balanced data, or "labels", the given labels' distribution over the positive
            RoIs so far.

    Raises:
        ValueError: a parameter out of its range.
    """

    def __init__(
        self,
        *,
        alpha: float = 0.8,
        beta: float = 1.2,
        relabel: bool = True,
        start: float = 0.35,
        soft: bool = True,
        prior: str = "uniform",
    ) -> None:
        for name, weight in (("alpha", alpha), ("beta", beta)):
            if not weight >= 0.0:
                raise ValueError(f"{name} must be at least 0, got {weight}")
        if not 0.0 <= start <= 1.0:
            raise ValueError(f"start is a fraction of the epochs, in [0, 1], got {start}")
        if prior not in ("uniform", "labels"):
            raise ValueError(f"prior must be uniform or labels, got {prior}")
        self.alpha, self.beta, self.relabel = alpha, beta, relabel
        self.soft, self.prior = soft, prior
        self.needs = (ANNOTATION_IDS,) if relabel else ()
        self.stages = (Stage(name="given labels", until=start), Stage(name="updated", until=1.0))
        self.labels = AnnotationMemory()
        """Updated labels, K numbers each."""
        self.sums = AnnotationMemory()
        """Of this epoch: the sum of an annotation's predictions, and at the end their number."""
        self.label_counts: Tensor | None = None

    def start_epoch(self, epoch: int) -> None:
        """Update the labels by the predictions of the epoch before."""
        ids, sums = self.sums.everything()
        if len(ids):
            self.labels.write(ids, sums[:, :-1] / sums[:, -1:])
        self.sums = AnnotationMemory()

    def loss(self, logits: Tensor, labels: Tensor, ctx: LossContext) -> Tensor:
        """Loss per RoI, shape (N,).

        Args:
            logits: RoI class scores, shape (N, K+1), background last.
            labels: class index per RoI, shape (N,).
            ctx: the batch's context; weights, epoch and annotation ids are used.
        """
        losses = cross_entropy(logits, labels)
        weights = ctx.weights.to(losses.dtype)
        positive = (labels < logits.shape[1] - 1) & (weights > 0)
        if not positive.any():
            return losses
        if self.relabel and ctx.annotation_ids is not None:
            ids = ctx.annotation_ids[positive]
            self._remember(ids, object_probabilities(logits.detach()[positive]))
            if stage_at(self.stages, ctx.epoch, ctx.num_epochs).name == "updated":
                losses = losses.clone()
                losses[positive] = self._label_loss(logits[positive], labels[positive], ids)
        prior, entropy = prior_and_entropy(logits[positive], self._prior(labels[positive], ctx))
        term = self.alpha * prior + self.beta * entropy
        # The weight is divided out because the reduction multiplies by it again.
        return losses + torch.where(positive, term / weights.where(positive, 1.0), 0.0)

    def _remember(self, ids: Tensor, predictions: Tensor) -> None:
        unique, means, place = mean_by_annotation(predictions, ids)
        counts = torch.bincount(place, minlength=len(unique)).to(means).unsqueeze(1)
        sums = torch.cat([means * counts, counts], dim=1)
        self.sums.write(unique, self.sums.read(unique, like=sums) + sums)

    def _label_loss(self, logits: Tensor, given: Tensor, ids: Tensor) -> Tensor:
        """Cross entropy of positive RoIs against the labels of their annotations."""
        log_probs = log_probabilities(logits)[:, :-1]
        as_given = torch.nn.functional.one_hot(given.long(), log_probs.shape[1]).to(log_probs)
        updated = self.labels.read(ids, like=as_given)
        if not self.soft:
            largest = torch.nn.functional.one_hot(updated.argmax(dim=1), updated.shape[1])
            updated = torch.where(updated.sum(dim=1, keepdim=True) > 0, largest.to(updated), 0.0)
        known = updated.sum(dim=1, keepdim=True) > 0
        return -(torch.where(known, updated, as_given) * log_probs).sum(dim=1)

    def _prior(self, given: Tensor, ctx: LossContext) -> Tensor:
        """The classes' distribution that L_p pulls to, shape (K,), float64."""
        uniform = torch.full((ctx.num_classes,), 1.0 / ctx.num_classes, dtype=torch.float64)
        if self.prior == "uniform":
            return uniform.to(given.device)
        counts = torch.bincount(given.long(), minlength=ctx.num_classes)
        before = 0 if self.label_counts is None else self.label_counts.to(counts.device)
        self.label_counts = counts + before
        return self.label_counts.double() / self.label_counts.sum()

    def state_dict(self) -> dict[str, Any]:
        """The updated labels, this epoch's sums and the count of given labels."""
        state: dict[str, Any] = {"labels": self.labels.state_dict(), "sums": self.sums.state_dict()}
        if self.label_counts is not None:
            state["label_counts"] = self.label_counts.cpu()
        return state

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a state."""
        self.labels.load_state_dict(state["labels"])
        self.sums.load_state_dict(state["sums"])
        self.label_counts = state.get("label_counts")

    def merged_state(
        self, before: Mapping[str, Any], states: Sequence[Mapping[str, Any]]
    ) -> dict[str, Any]:
        """One state of ranks that each saw images of their own since `before`; exact.

        Between two exchanges, with prior "labels", each rank pulls to the given labels that it has
        counted itself, and to those of all ranks before.
        """
        merged: dict[str, Any] = {
            name: merged_memory(before[name], [state[name] for state in states])
            for name in ("labels", "sums")
        }
        counts = [state["label_counts"] for state in states if "label_counts" in state]
        if counts:
            earlier = before.get("label_counts", torch.zeros_like(counts[0]))
            merged["label_counts"] = earlier + sum(count - earlier for count in counts)
        return merged


def prior_and_entropy(logits: Tensor, prior: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """L_p = KL(prior || mean prediction), eq. 4, and L_e = mean entropy, eq. 6, of object classes.

    Background is left out of the predictions and the rest renormalised.

    Args:
        logits: class scores of positive RoIs, shape (N, K+1), background last, N >= 1.
        prior: the classes' distribution, shape (K,); uniform by default.

    Returns:
        L_p and L_e in nats, two scalars.
    """
    # A softmax over the object logits is the full softmax renormalised without background,
    # and stays exact where background takes nearly all the probability.
    log_probs = log_probabilities(logits[:, :-1])
    count, num_classes = log_probs.shape
    log_mean = torch.logsumexp(log_probs, dim=0) - math.log(count)
    entropy = -(log_probs.exp() * log_probs).sum(dim=1).mean()
    if prior is None:
        return -math.log(num_classes) - log_mean.mean(), entropy
    share = prior.to(log_mean)
    return torch.special.xlogy(share, share).sum() - (share * log_mean).sum(), entropy
