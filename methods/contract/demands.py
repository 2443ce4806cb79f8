"""What the checks of a method's contract demand, and how they say what came instead."""

import io
import pickle
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from noisyseg.contract import BrokenError, require
from noisyseg.methods.contract.batches import EPOCHS, Batch, batch, lost
from noisyseg.methods.running import RunningMethod


def leaf(given: Batch) -> Batch:
    """The batch with logits that gather a gradient."""
    return replace(given, logits=given.logits.detach().clone().requires_grad_())


def gradient_of(losses: Tensor, given: Batch) -> Tensor:
    """Of the losses' sum, at the batch's logits; there must be one."""
    require(
        losses.requires_grad,
        "the losses have no gradient: compute them from the logits, without detach() or item()",
    )
    # Through the whole graph, as training goes: what an earlier batch left in it shows, too.
    torch.autograd.backward(losses.sum())
    gradient = given.logits.grad
    if gradient is None:
        raise BrokenError("no gradient reaches the logits")
    return gradient


def require_finite(losses: Tensor, given: Batch, what: str) -> None:
    """Losses, and the gradient of their sum, must be finite."""
    require(losses.isfinite().all(), f"{nonfinite('loss', losses, given)}{what}")
    gradient = gradient_of(losses, given)
    require(gradient.isfinite().all(), f"{nonfinite('gradient', gradient, given)}{what}")


def nonfinite(what: str, values: Tensor, given: Batch) -> str:
    """At which RoI values (N,) or (N, K+1) are first infinite or no number."""
    finite = values.isfinite() if values.dim() == 1 else values.isfinite().all(dim=1)
    if finite.all():
        return ""
    roi = int((~finite).nonzero()[0, 0])
    logits = ", ".join(f"{value:g}" for value in given.logits[roi].tolist())
    value = values[roi] if values.dim() == 1 else values[roi][~values[roi].isfinite()][0]
    return (
        f"the {what} is {value.item():g} at logits ({logits}), label {int(given.labels[roi])} of "
        f"{given.num_classes + 1}"
    )


def require_same(found: Tensor, expected: Tensor, problem: str) -> None:
    """Losses must agree up to what adding numbers in another order changes, in float64."""
    gap = (found - expected).abs()
    allowed = 1e-8 + 1e-6 * expected.abs()
    require((gap <= allowed).all(), f"{problem} (by up to {_most(gap)})")


def _most(gap: Tensor) -> str:
    return f"{gap.max().item():.2g}"


def require_same_state(
    first: RunningMethod, second: RunningMethod, epoch: int, problem: str
) -> None:
    """The states are alike if what follows has the same losses, in this epoch and in the next."""
    following = [(epoch, 20), *([(epoch + 1, 21)] if epoch + 1 < EPOCHS else [])]
    for later, seed in following:
        if later > epoch:
            first.start_epoch(later)
            second.start_epoch(later)
        given = batch(epoch=later, seed=seed)
        require_same(lost(first, given), lost(second, given), problem)


def require_same_losses(
    resumed: RunningMethod, unbroken: RunningMethod, epoch: int, place: str
) -> None:
    """Two batches of an epoch must have the same losses, bit for bit, stopped there or not."""
    for seed in (10, 11):
        given = batch(epoch=epoch, seed=seed)
        require(
            torch.equal(lost(resumed, given), lost(unbroken, given)),
            f"resumed {place} it has other losses than without a stop: state_dict() or "
            "load_state_dict() leaves something out",
        )


def tensors(state: Any, place: str = "") -> Iterator[tuple[str, Tensor]]:
    """Every tensor in a state, with its place there."""
    if isinstance(state, Tensor):
        yield place or "tensor", state
    elif isinstance(state, Mapping):
        for key, value in state.items():
            yield from tensors(value, f"{place}.{key}" if place else str(key))
    elif isinstance(state, Sequence) and not isinstance(state, str):
        for number, value in enumerate(state):
            yield from tensors(value, f"{place}[{number}]")


def through_a_checkpoint(state: Mapping[str, Any]) -> dict[str, Any]:
    """The state as it comes back from a checkpoint's file."""
    require(isinstance(state, dict), f"wanted a dictionary as state, got a {type(state).__name__}")
    file = io.BytesIO()
    try:
        torch.save(state, file)
        file.seek(0)
        loaded: dict[str, Any] = torch.load(file, weights_only=True)
    # pickle says of a local function AttributeError, of an open file TypeError.
    except (pickle.PickleError, AttributeError, TypeError) as error:
        reason = str(error).split("WeightsUnpickler error:")[-1].strip().splitlines()[0]
        raise BrokenError(
            "its state holds what checkpoints cannot, which are tensors, numbers, texts, lists and "
            f"dictionaries: {reason}"
        ) from error
    return loaded
