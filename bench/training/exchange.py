"""What ranks tell one another of a training: gradients each step, states when an epoch ends.

P passes a step and W ranks: pass p is rank p mod W's, with the seed that it has on one device, so
that a step is by the same gradient but for the order in which numbers are added.
"""

import io
import json
from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn

from noisyseg.bench.training.class_loss import MethodLoss
from noisyseg.bench.training.ranks import Ranks


def sum_gradients(
    ranks: Ranks, parameters: Sequence[nn.Parameter], losses: dict[str, float]
) -> dict[str, float]:
    """Give every parameter the sum of its gradients on all ranks.

    A parameter that no rank's pass touched keeps none, so that neither momentum nor weight decay
    moves it. A rank without a pass in the step counts as zeros.

    Args:
        ranks: of the run; alone, nothing is done.
        parameters: in the same order on all ranks.
        losses: this rank's share of the step's mean losses.

    Returns:
        The step's mean losses, equal on all ranks.
    """
    if ranks.count == 1:
        return losses
    there = "".join(str(int(p.grad is not None)) for p in parameters)
    flat = torch.cat([_flat_gradient(parameter) for parameter in parameters])
    told = [json.loads(text) for text in ranks.gathered(json.dumps([there, losses]).encode())]
    ranks.add_up(flat, are_there=True)
    sizes = [parameter.numel() for parameter in parameters]
    touched = zip(*(marks for marks, _ in told), strict=True)
    for parameter, part, marks in zip(parameters, torch.split(flat, sizes), touched, strict=True):
        if "1" not in marks:
            continue
        if parameter.grad is None:
            parameter.grad = torch.empty_like(parameter)  # in the memory order of the parameter
        parameter.grad.copy_(part.view_as(parameter))
    total: dict[str, float] = {}
    for _, own in told:
        for name, value in own.items():
            total[name] = total.get(name, 0.0) + value
    return total


def _flat_gradient(parameter: nn.Parameter) -> Tensor:
    gradient = parameter.grad
    return torch.zeros_like(parameter).flatten() if gradient is None else gradient.flatten()


def of_the_first(ranks: Ranks, state: dict[str, Any] | None) -> dict[str, Any] | None:
    """The state that the first rank goes on from, on all of them; None where it begins anew.

    The other ranks' is not looked at, so that a training goes on though they have no files of it.
    """
    if ranks.count == 1:
        return state
    found: dict[str, Any] | None = _unpacked(ranks.of_the_first(_packed(state)))
    return found


class Exchange:
    """What ranks learn apart from one another, made one again.

    - The states of methods, as each says itself (see `methods.running`).
    - Running statistics of normalisation layers: their mean over ranks, each with the weight of the
      batches that it has seen. They are used when it predicts; passes in training do not see them.
    - What observers of the loss have counted: the first rank has it all, the others begin anew.

    Args:
        ranks: of the run; alone, nothing is done.
        model: the detector.
        class_losses: its box heads' losses. All ranks' states are the same now.
    """

    def __init__(self, ranks: Ranks, model: nn.Module, class_losses: Sequence[MethodLoss]) -> None:
        self._ranks = ranks
        self._observers = [observer for loss in class_losses for observer in loss.observers]
        self._losses = [loss for loss in class_losses if loss.method.keeps_state]
        self._layers: list[Any] = [
            module for module in model.modules() if getattr(module, "track_running_stats", False)
        ]
        self._states: list[dict[str, Any]] = []
        if ranks.count > 1:
            self._states = [deepcopy(loss.method.state_dict()) for loss in self._losses]
            self._batches = self._batches_seen()
            if not ranks.is_first:
                self._forget_counts()

    def all(self) -> None:
        """Exchange everything: from here on the ranks set out from the same state again."""
        if self._ranks.count == 1:
            return
        if self._losses:
            self._merge_methods()
        if self._layers:
            self._average_statistics()
        for observer in self._observers:
            for counts in observer.state_dict().values():
                self._ranks.add_up(counts)
        if not self._ranks.is_first:
            self._forget_counts()

    def _merge_methods(self) -> None:
        own = _packed([loss.method.state_dict() for loss in self._losses])
        by_rank = [_unpacked(content) for content in self._ranks.gathered(own)]
        self._states = [
            loss.merge(before, list(states))
            for loss, before, *states in zip(self._losses, self._states, *by_rank, strict=True)
        ]

    def _average_statistics(self) -> None:
        new = self._batches_seen() - self._batches
        own = [
            torch.cat([layer.running_mean, layer.running_var]).double() * count
            for layer, count in zip(self._layers, new, strict=True)
        ]
        flat = torch.cat([*own, new.to(own[0])])
        self._ranks.add_up(flat)
        *sums, total = torch.split(flat, [*map(len, own), len(new)])
        for layer, both, count in zip(self._layers, sums, total, strict=True):
            if count:
                mean, variance = (both / count).chunk(2)
                layer.running_mean.copy_(mean)
                layer.running_var.copy_(variance)
        self._batches += total.to(self._batches)
        for layer, count in zip(self._layers, self._batches, strict=True):
            layer.num_batches_tracked.copy_(count)

    def _batches_seen(self) -> Tensor:
        """By each layer that learns statistics, shape (layers,)."""
        return torch.tensor([int(layer.num_batches_tracked) for layer in self._layers])

    def _forget_counts(self) -> None:
        for observer in self._observers:
            for counts in observer.state_dict().values():
                counts.zero_()


def _packed(value: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer)
    return buffer.getvalue()


def _unpacked(content: bytes) -> Any:
    return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
