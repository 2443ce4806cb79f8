"""What a method may know about the batch besides logits and labels."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:  # methods are listed without torch
    from torch import Tensor

ANNOTATION_IDS, NOISE_MATRIX = "annotation_ids", "noise_matrix"
NEEDS = (ANNOTATION_IDS, NOISE_MATRIX)
"""What a method can ask for beyond logits, labels, weights and the epoch."""

_Definition = TypeVar("_Definition", bound=Callable[..., object])


def needs(*what: str) -> Callable[[_Definition], _Definition]:
    """Say of a method (a function or a class) that it cannot work without parts of its context.

    Args:
        what: of `NEEDS`. A model that cannot give them is refused before any training step.

    Raises:
        ValueError: something else.
    """
    for name in what:
        if name not in NEEDS:
            raise ValueError(f"a method can need {' or '.join(NEEDS)}, not {name!r}")

    def mark(definition: _Definition) -> _Definition:
        definition.needs = what  # type: ignore[attr-defined]
        return definition

    return mark


@dataclass(kw_only=True, slots=True, frozen=True, eq=False)  # eq: tensors have no single answer
class LossContext:
    """The side information of one batch of RoIs; no manifest and no clean label is in it.

    Raises:
        ValueError: num_classes below 1, an epoch outside [0, num_epochs), or within_epoch outside
            [0, 1).
    """

    num_classes: int
    """K, the number of object classes; background is label K."""
    epoch: int
    """Epoch in progress, 0-based."""
    num_epochs: int
    """Epochs of the whole training, E."""
    weights: "Tensor"
    """Label weight per RoI, shape (N,); `avg_factor` counts those above 0."""
    annotation_ids: "Tensor | None"
    """Annotation each RoI was matched to, shape (N,), -1 for background; None if not carried."""
    noise_matrix: "Tensor | None" = None
    """P(noisy label | clean label), shape (K, K), where the suite grants it."""
    within_epoch: float = 0.0
    """Share of the epoch's iterations already done, in [0, 1)."""

    def __post_init__(self) -> None:
        if self.num_classes < 1:
            raise ValueError(f"num_classes must be at least 1, got {self.num_classes}")
        if not 0 <= self.epoch < self.num_epochs:
            raise ValueError(f"epoch must be in [0, {self.num_epochs}), got {self.epoch}")
        if not 0.0 <= self.within_epoch < 1.0:
            raise ValueError(f"within_epoch must be in [0, 1), got {self.within_epoch}")

    @property
    def progress(self) -> float:
        """Share of the whole training already done, in [0, 1): by iterations, not whole epochs."""
        return (self.epoch + self.within_epoch) / self.num_epochs
