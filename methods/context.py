"""What a method may know about the batch besides logits and labels."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(kw_only=True, slots=True, frozen=True, eq=False)  # eq: tensors have no single answer
class LossContext:
    """The side information of one batch of RoIs; no manifest and no clean label is in it.

    Raises:
        ValueError: num_classes below 1, or an epoch outside [0, num_epochs).
    """

    num_classes: int
    """K, the number of object classes; background is label K."""
    epoch: int
    """Epoch in progress, 0-based."""
    num_epochs: int
    """Epochs of the whole training, E."""
    weights: Tensor
    """Label weight per RoI, shape (N,); `avg_factor` counts those above 0."""
    annotation_ids: Tensor | None
    """Annotation each RoI was matched to, shape (N,), -1 for background; None if not carried."""
    noise_matrix: Tensor | None = None
    """P(noisy label | clean label), shape (K, K), where the suite grants it."""

    def __post_init__(self) -> None:
        if self.num_classes < 1:
            raise ValueError(f"num_classes must be at least 1, got {self.num_classes}")
        if not 0 <= self.epoch < self.num_epochs:
            raise ValueError(f"epoch must be in [0, {self.num_epochs}), got {self.epoch}")
