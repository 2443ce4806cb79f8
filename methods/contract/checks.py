"""What a method must do, one check a function; each has fresh instances of the method."""

import time
from collections.abc import Callable
from copy import deepcopy
from itertools import product
from statistics import median

import torch
from torch import Tensor

from noisyseg.contract import require
from noisyseg.methods.contract.batches import (
    EPOCHS,
    FIRST_AND_LAST,
    Batch,
    batch,
    extreme_batch,
    lost,
    trained_until,
)
from noisyseg.methods.contract.demands import (
    gradient_of,
    leaf,
    nonfinite,
    require_finite,
    require_same_losses,
    require_same_state,
    tensors,
    through_a_checkpoint,
)
from noisyseg.methods.contract.dependence import (
    determinism,
    inputs_unchanged,
    only_what_it_needs,
    order_of_rois,
    weight_zero_alone,
    zero_weights,
)
from noisyseg.methods.contract.first_epochs import first_epochs
from noisyseg.methods.losses.cross_entropy import cross_entropy
from noisyseg.methods.method import ResolvedMethod

SLOWEST = 100.0
"""Times cross entropy's time at which a method fails; a training step is far more than its loss."""
_SPEED_ROIS, _SPEED_CLASSES, _SPEED_ROUNDS = 1024, 80, 21
_HALVES = (torch.float16, torch.bfloat16)


# What a loss is


def _one_loss_per_roi(method: ResolvedMethod) -> None:
    for classes, epoch in product((1, 2, 8), range(EPOCHS)):
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
    for classes, epoch in product((1, 4), range(EPOCHS)):
        given = leaf(batch(classes=classes, epoch=epoch, dtype=torch.float32))
        losses = lost(trained_until(method, epoch, classes=classes), given)
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
    """Stopped anywhere and gone on from the checkpoint is as if it had not been stopped."""
    for epoch in range(1, EPOCHS):
        unbroken = trained_until(method, epoch - 1)
        lost(unbroken, batch(epoch=epoch - 1, seed=9))
        resumed = method.start()
        resumed.load_state_dict(through_a_checkpoint(unbroken.state_dict()))
        for running in (unbroken, resumed):
            running.start_epoch(epoch)
        require_same_losses(resumed, unbroken, epoch, f"after epoch {epoch} of {EPOCHS}")
    for epoch in range(EPOCHS):
        _state_inside(method, epoch)
    return None if unbroken.state_dict() else "no state"


def _state_inside(method: ResolvedMethod, epoch: int) -> None:
    """As training does it: a new method is told that the epoch begins, and then given the state."""
    unbroken = trained_until(method, epoch)
    lost(unbroken, batch(epoch=epoch, seed=9))
    resumed = method.start()
    resumed.start_epoch(epoch)
    resumed.load_state_dict(through_a_checkpoint(unbroken.state_dict()))
    place = f"inside epoch {epoch + 1} of {EPOCHS}"
    require_same_losses(resumed, unbroken, epoch, place)
    if epoch + 1 < EPOCHS:
        for running in (unbroken, resumed):
            running.start_epoch(epoch + 1)
        require_same_losses(resumed, unbroken, epoch + 1, place)


def _ranks(method: ResolvedMethod) -> str | None:
    """Of one rank, and of ranks that have seen nothing since, the merged state is what it was."""
    for epoch in range(1, EPOCHS):
        running = trained_until(method, epoch - 1)
        before = through_a_checkpoint(running.state_dict())
        if not before:
            return "no state"
        if not running.is_mergeable:
            return "for one device alone: it has no merged_state()"
        lost(running, batch(epoch=epoch - 1, seed=9))
        state = through_a_checkpoint(running.state_dict())
        for came_from, states, who in (
            (before, [state], "of one rank"),
            (state, [state, state], "of two ranks that have seen nothing since"),
        ):
            merged = method.start()
            merged.load_state_dict(
                through_a_checkpoint(merged.merged_state(deepcopy(came_from), deepcopy(states)))
            )
            kept = method.start()
            kept.load_state_dict(deepcopy(state))
            problem = f"merged_state() {who} gives a state after which losses are others"
            require_same_state(merged, kept, epoch - 1, problem)
    return None


# What it costs


def _speed(method: ResolvedMethod) -> str:
    running = trained_until(method, 0, classes=_SPEED_CLASSES)
    given = batch(_SPEED_ROIS, classes=_SPEED_CLASSES, dtype=torch.float32)
    context = given.context()  # made beforehand: not the method's time
    ratios = []
    for _ in range(_SPEED_ROUNDS):  # in turns: what else the machine does, meets both
        own = _seconds(lambda logits: running.loss(logits, given.labels, context), given)
        plain = _seconds(lambda logits: cross_entropy(logits, given.labels), given)
        ratios.append(own / plain)
    ratio = median(ratios)
    figure = (
        f"{ratio:.1f} times cross entropy's time at {_SPEED_ROIS} RoIs, {_SPEED_CLASSES} classes"
    )
    require(ratio <= SLOWEST, f"{figure}; wanted at most {SLOWEST:g}")
    return figure


def _seconds(losses: Callable[[Tensor], Tensor], given: Batch) -> float:
    taken = leaf(given)
    logits = taken.logits.clone()
    start = time.perf_counter()
    gradient_of(losses(logits), taken)
    return time.perf_counter() - start


CHECKS: dict[str, Callable[[ResolvedMethod], str | None]] = {
    "one finite loss per RoI": _one_loss_per_roi,
    "finite gradient": _gradient,
    "float32 or better": _precision,
    "finite at logits of ±1e4": _extreme_logits,
    "autocast": _autocast,
    "no RoIs": _empty_batch,
    "background alone, positives alone": _one_kind_alone,
    "order of RoIs": order_of_rois,
    "RoIs of weight 0": zero_weights,
    "weight 0 alone": weight_zero_alone,
    "no ids, no matrix, unless @needs": only_what_it_needs,
    "inputs left alone": inputs_unchanged,
    "determinism": determinism,
    "no gradient to labels or state": _no_gradient_kept,
    "state in checkpoints": _state,
    "states of several devices": _ranks,
    "begins as another method": first_epochs,
    "speed": _speed,
}
