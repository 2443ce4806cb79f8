"""What a training goes on from, at an epoch's end or inside an epoch, as checkpoints hold it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from noisyseg.bench.training.class_loss import MethodLoss
from noisyseg.bench.training.weight_average import WeightAverage


@dataclass(kw_only=True, slots=True)
class Progress:
    """How far a training is, and what its present epoch has come to.

    Attributes:
        epoch: whole epochs done.
        iteration: optimizer steps done of the next one.
        totals: the losses of these steps by name, each divided by an epoch's steps.
        seconds: that they took.
    """

    epoch: int = 0
    iteration: int = 0
    totals: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0

    def count(self, losses: dict[str, float], steps: int) -> None:
        """A step more is done, of so many in an epoch."""
        self.iteration += 1
        for name, value in losses.items():
            self.totals[name] = self.totals.get(name, 0.0) + value / steps

    def end_epoch(self) -> None:
        """The present epoch is done, and told."""
        self.epoch += 1
        self.iteration, self.totals, self.seconds = 0, {}, 0.0


@dataclass(kw_only=True, slots=True)
class TrainingState:
    """Everything that changes as a training goes on.

    Attributes:
        branched_from: what is known of the other run whose state it once began from; None: none.
    """

    key: str
    model: nn.Module
    optimizer: torch.optim.Optimizer
    average: WeightAverage
    class_losses: Sequence[MethodLoss]
    device: torch.device
    branched_from: dict[str, Any] | None = None

    def in_common(self, progress: Progress) -> dict[str, Any]:
        """The state at an epoch's end but for what is the run's and its method's own."""
        return {
            "epoch": progress.epoch,
            "iteration": progress.iteration,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "average": self.average.state_dict(),
        }

    def state_dict(self, progress: Progress) -> dict[str, Any]:
        """Tensors and plain values; inside an epoch also what was counted of it so far."""
        state = {
            "key": self.key,
            **self.in_common(progress),
            "methods": [loss.method.state_dict() for loss in self.class_losses],
            "branched_from": self.branched_from,
        }
        if progress.iteration:
            state["totals"] = progress.totals
            state["seconds"] = progress.seconds
            state["at_work"] = [
                loss.at_work.state_dict() if loss.at_work else {} for loss in self.class_losses
            ]
            state["besides"] = [_by_threshold(loss) for loss in self.class_losses]
        return state

    def load_state_dict(self, state: dict[str, Any]) -> Progress:
        """Go on from a state; inside an epoch the methods are told that it began, first."""
        progress = Progress(
            epoch=int(state["epoch"]),
            iteration=int(state.get("iteration", 0)),  # earlier checkpoints are of an epoch's end
            totals=dict(state.get("totals", {})),
            seconds=float(state.get("seconds", 0.0)),
        )
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.average.load_state_dict(state.get("average", {}))  # earlier checkpoints have none
        self.branched_from = state.get("branched_from")
        for loss, method in zip(self.class_losses, state["methods"], strict=True):
            if progress.iteration:
                loss.start_epoch(progress.epoch)
            loss.method.load_state_dict(method)
        if progress.iteration:
            counted = zip(self.class_losses, state["at_work"], state["besides"], strict=True)
            for loss, own, besides in counted:
                _count_on(loss, own, besides, self.device)
        return progress


def _by_threshold(loss: MethodLoss) -> dict[str, Any]:
    return {str(threshold): seen.state_dict() for threshold, seen in loss.besides.items()}


def _count_on(
    loss: MethodLoss, own: dict[str, Any], besides: dict[str, Any], device: torch.device
) -> None:
    """Let a loss's observers go on from what they had counted of the epoch."""
    if loss.at_work is not None:
        loss.at_work.load_state_dict(own, device)
    for threshold in list(loss.besides):
        if str(threshold) in besides:
            loss.besides[threshold].load_state_dict(besides[str(threshold)], device)
        else:  # it was not watched so far: the epoch's counts would be too small
            del loss.besides[threshold]
