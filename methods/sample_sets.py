"""The kinds of RoIs that the paper tells apart (Yang et al., ECCV 2020, section 3.1)."""

from dataclasses import dataclass

from torch import Tensor

from noisyseg.methods.probabilities import log_probabilities, of_labels

GAMMA = 6.0
"""The paper's threshold of potential noisy samples, in nats."""


@dataclass(kw_only=True, slots=True, frozen=True, eq=False)
class SampleSets:
    """Which RoI is in which set, each a boolean tensor of shape (N,), without gradient."""

    negative: Tensor
    """N: label background."""
    pseudo_negative: Tensor
    """PSN: object label, but background's logit is above every other; in a tie the object wins."""
    potential_noisy: Tensor
    """PON: object label and cross entropy above gamma. It may overlap PSN."""

    @property
    def isolated(self) -> Tensor:
        """PON outside PSN: what eq. 4 leaves out of the gradient."""
        return self.potential_noisy & ~self.pseudo_negative

    @property
    def other(self) -> Tensor:
        """OS: in none of the three sets."""
        return ~(self.negative | self.pseudo_negative | self.potential_noisy)


def sample_sets(logits: Tensor, labels: Tensor, *, gamma: float = GAMMA) -> SampleSets:
    """Sort a batch's RoIs into N, PSN, PON and OS.

    Args:
        logits: RoI class scores, shape (N, K+1), background last.
        labels: class index per RoI, shape (N,).
        gamma: threshold of PON in nats, at least 0.

    Raises:
        ValueError: gamma below 0.
    """
    if not gamma >= 0.0:
        raise ValueError(f"gamma must be at least 0, got {gamma}")
    scores = logits.detach()
    negative = labels == logits.shape[1] - 1
    # Compared as logits: in log-probabilities rounding could turn an order into a tie.
    predicted_background = scores[:, -1] > scores[:, :-1].amax(dim=1)
    hard = -of_labels(log_probabilities(scores), labels) > gamma
    return SampleSets(
        negative=negative,
        pseudo_negative=~negative & predicted_background,
        potential_noisy=~negative & hard,
    )
