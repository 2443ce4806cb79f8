"""Stage schedules: which loss a method uses in which part of the training."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

_Definition = TypeVar("_Definition", bound=Callable[..., object])


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

    >>> halves = [Stage(name="first", until=0.5), Stage(name="second", until=1.0)]
    >>> [stage_at(halves, epoch, 4).name for epoch in range(4)]
    ['first', 'first', 'second', 'second']
    """
    for stage in stages[:-1]:
        if epoch + 1 <= stage.last_epoch(num_epochs):
            return stage
    return stages[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginning:
    """Another method that a method is in its first epochs: losses and gradients bit for bit.

    In these epochs it keeps no state: begun after them it is as if it had been there all along.
    Runs that differ in nothing else are then one training so far, which is done once.
    """

    method: str
    """The other's name: a built-in method's, with its defaults."""
    until: str | float
    """The share of all epochs, in [0, 1], up to which it is, or the parameter that says so."""
    when: str | None = None
    """The switch among the parameters without which it is not at all."""

    def epochs(self, parameters: Mapping[str, Any], num_epochs: int) -> int:
        """In how many of the first epochs of a training, with these parameters."""
        if self.when is not None and not parameters[self.when]:
            return 0
        until = parameters[self.until] if isinstance(self.until, str) else self.until
        whole = Stage(name=self.method, until=float(until)).last_epoch(num_epochs)
        return min(max(whole, 0), num_epochs)


def begins_as(
    method: str, *, until: str | float, when: str | None = None
) -> Callable[[_Definition], _Definition]:
    """Say of a method (a function or a class) that in its first epochs it is another one.

    `noisyseg methods check` tries whether that is so. See `Beginning`.

    Args:
        method: the other's name, of the built-in ones.
        until: the share of all epochs up to which it is, or the parameter that says so.
        when: the switch among the parameters without which it is not at all.
    """

    def mark(definition: _Definition) -> _Definition:
        beginning = Beginning(method=method, until=until, when=when)
        definition.begins_as = beginning  # type: ignore[attr-defined]
        return definition

    return mark
