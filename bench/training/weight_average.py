"""The mean of a training's weights over its last epochs, which its predictions are then made with.

Each epoch's end counts alike. What is averaged are the parameters that are trained. The statistics
of a normalisation layer that still learns them belong to other weights than the mean; a detector
that has such a layer is refused (`check_averageable`).
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from noisyseg.errors import InputError


class WeightAverage:
    """Sums of the trained parameters at the ends of a training's last epochs.

    Args:
        model: its parameters are on the device that they stay on.
        protocol: resolved; `average_last` epochs are averaged, none where it is left out.
    """

    def __init__(self, model: nn.Module, protocol: Mapping[str, Any]) -> None:
        count = int(protocol.get("average_last", 0))
        self._count = count
        self._first = int(protocol["epochs"]) - count
        self._trained: dict[str, Tensor] = {
            name: value for name, value in model.named_parameters() if count and value.requires_grad
        }
        self._sums = {name: torch.zeros_like(p) for name, p in self._trained.items()}

    @torch.no_grad()
    def end_epoch(self, epoch: int) -> None:
        """Count an epoch (0-based) if it is one of the last; the mean is the model's at the end."""
        if not self._count or epoch < self._first:
            return
        for name, total in self._sums.items():
            total += self._trained[name]
        if epoch == self._first + self._count - 1:
            for name, total in self._sums.items():
                self._trained[name].copy_(total / self._count)

    def state_dict(self) -> dict[str, Tensor]:
        """The sums so far by the parameter's name; empty where nothing is averaged."""
        return self._sums

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Go on from the sums of a checkpoint."""
        for name, total in self._sums.items():
            total.copy_(state[name])


def check_averageable(model: nn.Module, *, name: str) -> None:
    """Refuse a detector whose statistics would not be those of its averaged weights.

    Args:
        model: whole; it is left in training mode.
        name: of the model, for the message.

    Raises:
        InputError: it has a layer that learns statistics as it trains.
    """
    model.train()
    for place, module in model.named_modules():
        if module.training and getattr(module, "track_running_stats", False):
            raise InputError(
                f"the protocol's average_last cannot be used with the model {name}: its "
                f"{place} ({type(module).__name__}) learns statistics that would not be those of "
                "averaged weights. Freeze them (norm_eval: true of the backbone), or leave "
                "average_last out."
            )
