"""What a method must do, one check a function; each has fresh instances of the method."""

import time
from collections.abc import Callable
from dataclasses import replace
from itertools import product
from statistics import median

import torch
from torch import Tensor

from noisyseg.methods.contract_batches import (
    EPOCHS,
    FIRST_AND_LAST,
    Batch,
    batch,
    extreme_batch,
    lost,
    trained_until,
)
from noisyseg.methods.contract_demands import (
    gradient_of,
    leaf,
    nonfinite,
    require,
    require_finite,
    require_same,
    require_same_state,
    tensors,
    through_a_checkpoint,
)
from noisyseg.methods.cross_entropy import cross_entropy
from noisyseg.methods.method import ResolvedMethod

SLOWEST = 100.0
"""Times cross entropy's time at which a method fails; a training step is far more than its loss."""
_SPEED_ROIS, _SPEED_CLASSES, _SPEED_ROUNDS = 1024, 80, 9
_HALVES = (torch.float16, torch.bfloat16)


# What a loss is


def _one_loss_per_roi(method: ResolvedMethod) -> None:
    for classes, epoch in product((1, 2, 8), FIRST_AND_LAST):
        given = leaf(batch(classes=classes, epoch=epoch, dtype=torch.float32))
        losses = lost(trained_until(method, epoch, classes=classes), given)
        require(isinstance(losses, Tensor), f"wanted a tensor, got a {type(losses).__name__}")
        count = len(given.labels)
        require(
            losses.shape == (count,),
            f"wanted one loss per RoI, shape ({count},), got shape {tuple(losses.shape)}",
        )
        require(losses.isfinite().all(), nonfinite("loss", losses, given))
        gradient_of(losses, given)


def _gradient(method: ResolvedMethod) -> None:
    for epoch in FIRST_AND_LAST:
        given = leaf(batch(epoch=epoch, dtype=torch.float32))
        losses = lost(trained_until(method, epoch), given)
        gradient = gradient_of(losses, given)
        require(gradient.isfinite().all(), nonfinite("gradient", gradient, given))
        require(gradient.any(), "the gradient is 0 everywhere: nothing would be learnt")


def _precision(method: ResolvedMethod) -> None:
    for given, wanted in (
        (torch.float64, torch.float64),
        (torch.float32, torch.float32),
        *((half, torch.float32) for half in _HALVES),
    ):
        losses = lost(trained_until(method, 0), batch(dtype=given))
        require(
            losses.dtype == wanted,
            f"of {given} logits: wanted {wanted} losses, got {losses.dtype} "
            "(noisyseg.methods.probabilities.log_probabilities sees to it)",
        )


def _extreme_logits(method: ResolvedMethod) -> None:
    for dtype, epoch in product((torch.float32, torch.float64, *_HALVES), FIRST_AND_LAST):
        given = leaf(extreme_batch(epoch, dtype))
        losses = lost(trained_until(method, epoch, classes=2), given)
        require_finite(losses, given, f" of {dtype} logits")


def _autocast(method: ResolvedMethod) -> None:
    for epoch in FIRST_AND_LAST:
        for made in (extreme_batch(epoch, torch.bfloat16), batch(classes=2, epoch=epoch)):
            given = leaf(made.of_type(torch.bfloat16))
            running = trained_until(method, epoch, classes=2)
            with torch.autocast("cpu", torch.bfloat16):
                losses = lost(running, given)
            require(
                losses.dtype == torch.float32,
                f"under autocast: wanted torch.float32 losses, got {losses.dtype}",
            )
            require_finite(losses, given, " under autocast")


def _empty_batch(method: ResolvedMethod) -> None:
    for epoch in FIRST_AND_LAST:
        given = leaf(batch(0, epoch=epoch, dtype=torch.float32))
        losses = lost(trained_until(method, epoch), given)
        require(losses.shape == (0,), f"wanted losses of shape (0,), got {tuple(losses.shape)}")
        gradient_of(losses, given)


def _one_kind_alone(method: ResolvedMethod) -> None:
    for epoch, positive in product(FIRST_AND_LAST, (False, True)):
        whole = batch(epoch=epoch, dtype=torch.float32)
        given = leaf(whole.rois(((whole.labels < whole.num_classes) == positive).nonzero()[:, 0]))
        losses = lost(trained_until(method, epoch), given)
        require_finite(losses, given, f" of {'positives' if positive else 'background'} alone")


# What it may depend on


def _order_of_rois(method: ResolvedMethod) -> None:
    for epoch in FIRST_AND_LAST:
        given = batch(epoch=epoch)
        order = torch.randperm(len(given.labels), generator=torch.Generator().manual_seed(1))
        there, here = trained_until(method, epoch), trained_until(method, epoch)
        require_same(
            lost(there, given.rois(order)),
            lost(here, given)[order],
            "in another order the RoIs have other losses",
        )
        require_same_state(there, here, epoch, "the order of the RoIs leaves a trace in the state")


def _zero_weights(method: ResolvedMethod) -> None:
    for epoch in FIRST_AND_LAST:
        given = batch(epoch=epoch)
        ignored = torch.arange(len(given.labels)) % 3 == 0
        given = replace(given, weights=(~ignored).to(given.weights.dtype))
        kept = (~ignored).nonzero()[:, 0]
        other_logits = torch.where(ignored.unsqueeze(1), 5.0 - given.logits, given.logits)
        changed = replace(given, logits=other_logits)
        for other, remaining, done in (
            (changed, kept, "whatever its logits are"),
            (given.rois(kept), torch.arange(len(kept)), "by being there"),
        ):
            with_them, without = trained_until(method, epoch), trained_until(method, epoch)
            require_same(
                lost(without, other)[remaining],
                lost(with_them, given)[kept],
                f"a RoI of weight 0 changes the losses of others, {done}: see ctx.weights > 0",
            )
            require_same_state(
                without, with_them, epoch, f"a RoI of weight 0 leaves a trace in the state, {done}"
            )


def _inputs_unchanged(method: ResolvedMethod) -> None:
    names = ("logits", "labels", "weights", "annotation_ids")
    for epoch in FIRST_AND_LAST:
        given = batch(epoch=epoch, dtype=torch.float32)
        before = {name: getattr(given, name).clone() for name in names}
        lost(trained_until(method, epoch), given)
        for name, tensor in before.items():
            require(torch.equal(tensor, getattr(given, name)), f"it changes the {name} in place")


def _determinism(method: ResolvedMethod) -> None:
    """Losses come from the inputs alone, and the generators of random numbers stay as they were."""
    for epoch in FIRST_AND_LAST:
        given = batch(epoch=epoch, dtype=torch.float32)
        kept = torch.get_rng_state()
        try:
            torch.manual_seed(1)
            before = torch.get_rng_state()
            first = lost(trained_until(method, epoch), given)
            moved = not torch.equal(before, torch.get_rng_state())
            torch.manual_seed(2)
            second = lost(trained_until(method, epoch), given)
        finally:
            torch.set_rng_state(kept)
        require(torch.equal(first, second), "the same batch has other losses a second time")
        require(not moved, "it draws from torch's random numbers, which shifts everything else's")


# What it keeps


def _no_gradient_kept(method: ResolvedMethod) -> None:
    """Labels and state carry no gradient from one batch to another."""
    running = method.start()
    for epoch in range(EPOCHS):
        running.start_epoch(epoch)
        for seed in range(2):
            given = leaf(batch(epoch=epoch, seed=seed, dtype=torch.float32))
            gradient_of(lost(running, given), given)
        kept = [place for place, tensor in tensors(running.state_dict()) if tensor.requires_grad]
        require(not kept, f"its state's {', '.join(kept)} carries a gradient: detach() it")


def _state(method: ResolvedMethod) -> str | None:
    """Stopped after any epoch and gone on from the checkpoint is as if it had not been stopped."""
    for epoch in range(1, EPOCHS):
        unbroken = trained_until(method, epoch - 1)
        lost(unbroken, batch(epoch=epoch - 1, seed=9))
        resumed = method.start()
        resumed.load_state_dict(through_a_checkpoint(unbroken.state_dict()))
        for running in (unbroken, resumed):
            running.start_epoch(epoch)
        for seed in (10, 11):
            given = batch(epoch=epoch, seed=seed)
            require(
                torch.equal(lost(resumed, given), lost(unbroken, given)),
                f"resumed after epoch {epoch} of {EPOCHS} it has other losses than without a stop: "
                "state_dict() or load_state_dict() leaves something out",
            )
    return None if unbroken.state_dict() else "no state"


# What it costs


def _speed(method: ResolvedMethod) -> str:
    running = trained_until(method, 0, classes=_SPEED_CLASSES)
    given = batch(_SPEED_ROIS, classes=_SPEED_CLASSES, dtype=torch.float32)
    own, plain = [], []
    for _ in range(_SPEED_ROUNDS):  # in turns: what else the machine does, meets both
        own.append(_seconds(lambda taken: lost(running, taken), given))
        plain.append(_seconds(lambda taken: cross_entropy(taken.logits, taken.labels), given))
    ratio = median(own) / median(plain)
    figure = (
        f"{ratio:.1f} times cross entropy's time at {_SPEED_ROIS} RoIs, {_SPEED_CLASSES} classes"
    )
    require(ratio <= SLOWEST, f"{figure}; wanted at most {SLOWEST:g}")
    return figure


def _seconds(losses: Callable[[Batch], Tensor], given: Batch) -> float:
    taken = leaf(given)
    start = time.perf_counter()
    gradient_of(losses(taken), taken)
    return time.perf_counter() - start


CHECKS: dict[str, Callable[[ResolvedMethod], str | None]] = {
    "one finite loss per RoI": _one_loss_per_roi,
    "finite gradient": _gradient,
    "float32 or better": _precision,
    "finite at logits of ±1e4": _extreme_logits,
    "autocast": _autocast,
    "no RoIs": _empty_batch,
    "background alone, positives alone": _one_kind_alone,
    "order of RoIs": _order_of_rois,
    "RoIs of weight 0": _zero_weights,
    "inputs left alone": _inputs_unchanged,
    "determinism": _determinism,
    "no gradient to labels or state": _no_gradient_kept,
    "state in checkpoints": _state,
    "speed": _speed,
}
