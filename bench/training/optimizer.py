"""The protocol's optimizer, and its learning rate before each step."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from noisyseg.bench.training.schedule import learning_rate_factor


def make_optimizer(model: nn.Module, settings: Mapping[str, Any]) -> torch.optim.Optimizer:
    """The optimizer of all parameters that are trained, as one group.

    Args:
        settings: the protocol's `optimizer`, its type among them.
    """
    values = dict(settings)
    kind = {"SGD": torch.optim.SGD, "AdamW": torch.optim.AdamW}[values.pop("type")]
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    return kind(parameters, fused=True, **values)


def set_learning_rate(
    optimizer: torch.optim.Optimizer,
    protocol: Mapping[str, Any],
    iteration: int,
    iterations_per_epoch: int,
) -> None:
    """Give the optimizer the rate of an iteration, 0-based over the whole training."""
    factor = learning_rate_factor(
        iteration, iterations_per_epoch=iterations_per_epoch, schedule=protocol["schedule"]
    )
    for group in optimizer.param_groups:
        group["lr"] = protocol["optimizer"]["lr"] * factor
