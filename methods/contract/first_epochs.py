"""A method that says it begins as another one is tried beside that one, bit for bit."""

from dataclasses import replace
from itertools import product

import torch

from noisyseg.contract import require
from noisyseg.methods.contract.batches import (
    EPOCHS,
    Batch,
    batch,
    extreme_batch,
    lost,
    trained_until,
)
from noisyseg.methods.contract.demands import gradient_of, leaf
from noisyseg.methods.method import ResolvedMethod
from noisyseg.methods.registry import beginning
from noisyseg.methods.running import RunningMethod

_TYPES = (torch.float32, torch.float64, torch.bfloat16)


def first_epochs(method: ResolvedMethod) -> str:
    """Losses and gradients are the other method's, and nothing of those epochs is remembered."""
    if method.method.begins_as is None:
        return "none said"
    other, epochs = beginning(method, EPOCHS)
    if other is method:
        return f"in none of {EPOCHS} epochs with these parameters"
    for epoch in range(epochs):
        for given in _batches(epoch):
            classes = given.num_classes
            _require_equal(
                trained_until(method, epoch, classes=classes),
                trained_until(other, epoch, classes=classes),
                given,
                f"in epoch {epoch + 1} of {EPOCHS} it is not {other.name}, which it says it is "
                f"in the first {epochs}",
            )
    if epochs < EPOCHS:
        _require_nothing_kept(method, epochs, other.name)
    return f"{other.name} in the first {epochs} of {EPOCHS} epochs"


def _batches(epoch: int) -> list[Batch]:
    """Ordinary ones, with some weights of 0 or 0.5, one without a RoI, and extreme logits."""
    made = [
        replace(batch(classes=classes, epoch=epoch, seed=seed, dtype=dtype), within_epoch=seed / 8)
        for classes, dtype, seed in product((1, 4, 8), _TYPES, (3, 4))
    ]
    weighed = [
        replace(given, weights=(torch.arange(len(given.labels)) % 3) / 2) for given in made[:4]
    ]
    extreme = [extreme_batch(epoch, dtype) for dtype in _TYPES]
    return [*made, *weighed, *extreme, batch(0, epoch=epoch, dtype=torch.float32)]


def _require_nothing_kept(method: ResolvedMethod, epochs: int, other: str) -> None:
    """Begun after the epochs that it has in common, it goes on as if it had been there."""
    there, anew = trained_until(method, epochs), method.start()
    anew.start_epoch(epochs)
    for seed in (10, 11):
        _require_equal(
            anew,
            there,
            batch(epoch=epochs, seed=seed),
            f"it remembers something of the {epochs} epochs in which it is {other}",
        )


def _require_equal(one: RunningMethod, another: RunningMethod, given: Batch, problem: str) -> None:
    found, expected = (_losses_and_gradient(running, given) for running in (one, another))
    for what, ours, theirs in zip(("losses", "gradients"), found, expected, strict=True):
        require(torch.equal(ours, theirs), f"{problem}: the {what} differ")


def _losses_and_gradient(running: RunningMethod, given: Batch) -> tuple[torch.Tensor, torch.Tensor]:
    taken = leaf(given)
    losses = lost(running, taken)
    return losses.detach(), gradient_of(losses, taken)
