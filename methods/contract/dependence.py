"""What a method's losses may depend on; each check has fresh instances of the method."""

from dataclasses import replace

import torch

from noisyseg.contract import require
from noisyseg.methods.contract.batches import EPOCHS, FIRST_AND_LAST, batch, lost, trained_until
from noisyseg.methods.contract.demands import (
    leaf,
    nonfinite,
    require_finite,
    require_same,
    require_same_state,
)
from noisyseg.methods.method import ResolvedMethod


def order_of_rois(method: ResolvedMethod) -> None:
    """RoIs in another order have the same losses, in that order."""
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


def zero_weights(method: ResolvedMethod) -> None:
    """A RoI of weight 0 has a finite loss, and the others and the state know nothing of it."""
    for epoch in FIRST_AND_LAST:
        given = batch(epoch=epoch)
        ignored = torch.arange(len(given.labels)) % 3 == 0
        given = replace(given, weights=(~ignored).to(given.weights.dtype))
        kept = (~ignored).nonzero()[:, 0]
        # The adapter multiplies by the weight, and 0 times infinity is no number.
        taken = leaf(given)
        require_finite(lost(trained_until(method, epoch), taken), taken, ", among weights of 0")
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


def weight_zero_alone(method: ResolvedMethod) -> None:
    """A batch in which no RoI counts does no harm."""
    for epoch in FIRST_AND_LAST:
        given = leaf(replace(batch(epoch=epoch, dtype=torch.float32), weights=torch.zeros(24)))
        require_finite(lost(trained_until(method, epoch), given), given, ", where no weight is > 0")


def only_what_it_needs(method: ResolvedMethod) -> None:
    """Training gives no noise matrix unasked, and some models give no annotation ids."""
    running = method.start()
    for epoch in range(EPOCHS):
        running.start_epoch(epoch)
        given = batch(epoch=epoch, dtype=torch.float32)
        losses = running.loss(given.logits, given.labels, given.context(running.needs))
        problem = nonfinite("loss", losses, given)
        require(not problem, f"{problem}, without what it did not ask for")


def inputs_unchanged(method: ResolvedMethod) -> None:
    """Whatever the method is given is as it was."""
    for epoch in FIRST_AND_LAST:
        given = batch(epoch=epoch, dtype=torch.float32)
        context = given.context()
        inputs = {"logits": given.logits, "labels": given.labels}
        for name in ("weights", "annotation_ids", "noise_matrix"):
            inputs[name] = getattr(context, name)
        before = {name: tensor.clone() for name, tensor in inputs.items()}
        trained_until(method, epoch).loss(given.logits, given.labels, context)
        for name, tensor in inputs.items():
            require(torch.equal(tensor, before[name]), f"it changes the {name} in place")


def determinism(method: ResolvedMethod) -> None:
    """Losses come from the inputs alone, and the generators of random numbers stay as they were."""
    for epoch in FIRST_AND_LAST:
        given = batch(epoch=epoch, dtype=torch.float32)
        kept = torch.get_rng_state()
        losses, moved = [], False
        try:
            for seed in (1, 2):  # a method that seeds can leave but one of them as it was
                torch.manual_seed(seed)
                before = torch.get_rng_state()
                losses.append(lost(trained_until(method, epoch), given))
                moved |= not torch.equal(before, torch.get_rng_state())
        finally:
            torch.set_rng_state(kept)
        require(torch.equal(*losses), "the same batch has other losses a second time")
        require(
            not moved,
            "it draws from or seeds torch's random numbers, which shifts everything else's",
        )
