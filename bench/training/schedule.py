"""The learning rate as a pure function of the iteration."""

from collections.abc import Mapping
from typing import Any


def learning_rate_factor(
    iteration: int, *, iterations_per_epoch: int, schedule: Mapping[str, Any]
) -> float:
    """What the protocol's learning rate is multiplied by: linear warm-up times step decay.

    Args:
        iteration: 0-based, over the whole training.
        iterations_per_epoch: iterations in an epoch.
        schedule: `warmup_iterations`, `warmup_factor` (at iteration 0), `milestones` (epochs
            after which the rate decays), `gamma` (by how much).
    """
    epoch = iteration // iterations_per_epoch
    factor = float(schedule["gamma"]) ** sum(epoch >= step for step in schedule["milestones"])
    warmup, start = int(schedule["warmup_iterations"]), float(schedule["warmup_factor"])
    if iteration < warmup:
        factor *= start + (1 - start) * iteration / warmup
    return factor
