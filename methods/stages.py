"""Stage schedules: which loss a method uses in which part of the training."""

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A part of the training, up to and including a fraction of its epochs."""

    name: str
    """What the method calls this stage."""
    until: float
    """Fraction of all epochs, in [0, 1], at which the stage ends."""

    def last_epoch(self, num_epochs: int) -> int:
        """The stage's last epoch, counted from 1: the whole epochs within `until`."""
        # The margin keeps 0.29 * 100 = 28.999... from losing an epoch to rounding.
        return math.floor(self.until * num_epochs + 1e-9)


def stage_at(stages: Sequence[Stage], epoch: int, num_epochs: int) -> Stage:
    """The first stage that has not ended by an epoch; the last one never ends.

    Args:
        stages: in order of `until`, at least one.
        epoch: 0-based.
        num_epochs: epochs of the whole training.
    """
    for stage in stages[:-1]:
        if epoch + 1 <= stage.last_epoch(num_epochs):
            return stage
    return stages[-1]
