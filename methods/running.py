"""A method in one training: called for each batch of RoIs, with whatever state it keeps.

A class that defines a method has `loss(logits, labels, ctx)` and, where it keeps a state,
`start_epoch(epoch)`, `state_dict()` and `load_state_dict(state)`. The state is tensors, numbers,
texts, lists and dictionaries with text keys: it is saved in checkpoints, which hold no objects.
It may be asked for after any iteration. To go on inside an epoch, a new instance is told that the
epoch begins, by `start_epoch`, and then given the state: it holds what `start_epoch` made of the
epochs before, too.

To be trained on several devices at once (`ranks`), a class with a state has one method more,
`merged_state(before, states)`. Each rank has an instance of its own, which sees its own images. At
the end of an epoch, and before a checkpoint within one, an instance is asked on every rank for one
state of the ranks': `states` is what their `state_dict()` gave, in the order of ranks, `before` the
state that all of them set out from. It changes none of them, and what it returns every rank loads.
A sum is `before` and what each rank has added to it; rows of annotations, which no two ranks see in
one epoch, are merged exactly by `annotation_memory.merged_memory`.

A term of the whole batch, such as a prior of its mean prediction, is added to the loss of each RoI
that it is about, divided by its weight. Reduced, it is then the term times the share of RoIs that
it is about, and has beside their own losses the weight that its paper gives it.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from noisyseg.methods.context import LossContext

if TYPE_CHECKING:  # methods are listed without torch
    from torch import Tensor


class RunningMethod:
    """A function or an instance of a class, called alike.

    Attributes:
        needs: what of its context it cannot do without.
    """

    def __init__(self, definition: Callable[..., Any], parameters: Mapping[str, Any]) -> None:
        self._function: Callable[..., Tensor] | None = None
        self._instance: Any = None
        self._parameters = dict(parameters)
        if isinstance(definition, type):
            self._instance = definition(**parameters)
        else:
            self._function = definition
            self._takes_context = "ctx" in inspect.signature(definition).parameters
        owner = definition if self._instance is None else self._instance
        self.needs: tuple[str, ...] = tuple(getattr(owner, "needs", ()))

    def loss(self, logits: "Tensor", labels: "Tensor", ctx: LossContext) -> "Tensor":
        """Loss per RoI, unweighted and unreduced.

        Args:
            logits: RoI class scores, shape (N, K+1), background last.
            labels: class index per RoI, shape (N,).
            ctx: what else the method may know.

        Returns:
            Shape (N,), float32, or float64 for float64 logits.
        """
        if self._function is None:
            loss: Tensor = self._instance.loss(logits, labels, ctx)
            return loss
        if self._takes_context:
            return self._function(logits, labels, ctx, **self._parameters)
        return self._function(logits, labels, **self._parameters)

    def start_epoch(self, epoch: int) -> None:
        """Tell the method that an epoch (0-based) begins."""
        if hasattr(self._instance, "start_epoch"):
            self._instance.start_epoch(epoch)

    def state_dict(self) -> dict[str, Any]:
        """What the method must remember to go on from here; empty where it keeps no state."""
        return self._instance.state_dict() if self.keeps_state else {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a state that `state_dict` gave."""
        if hasattr(self._instance, "load_state_dict"):
            self._instance.load_state_dict(state)

    @property
    def keeps_state(self) -> bool:
        """Whether it says that it has something to remember."""
        return hasattr(self._instance, "state_dict")

    @property
    def is_mergeable(self) -> bool:
        """Whether several ranks may train with it: without a state, or with `merged_state`."""
        return not self.keeps_state or hasattr(self._instance, "merged_state")

    def merged_state(
        self, before: Mapping[str, Any], states: Sequence[Mapping[str, Any]]
    ) -> dict[str, Any]:
        """One state of the ranks' states, for a method that keeps one and is mergeable.

        Args:
            before: what all ranks set out from.
            states: what each has come to, in their order.
        """
        merged: dict[str, Any] = self._instance.merged_state(before, states)
        return merged
