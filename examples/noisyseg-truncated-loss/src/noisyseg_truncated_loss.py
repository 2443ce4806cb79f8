"""Truncated generalized cross entropy (Zhang & Sabuncu, NeurIPS 2018, section 3.3)."""

import torch

from noisyseg.methods.context import needs
from noisyseg.methods.probabilities import log_probabilities, of_labels

paper = (
    "Zhang & Sabuncu, Generalized Cross Entropy Loss for Training Deep Neural Networks with Noisy "
    "Labels, NeurIPS 2018"
)


@needs("annotation_ids")
class TruncatedLoss:
    """Generalized cross entropy; annotations that the network contradicts are left out (pruned).

    The paper prunes images whose predicted probability of their label is at most k, from an epoch
    on and anew each so often (algorithm 1). Here annotations are pruned, by the mean over the last
    epoch's RoIs that were matched to them.

    Args:
        q: robustness exponent in (0, 1]; 0.7 is the paper's.
        k: the probability up to which an annotation is pruned, in [0, 1); 0.5 is the paper's.
        start: share of the training before the first pruning, in [0, 1]; the paper prunes from
            epoch 40 of 120.
    """

    def __init__(self, *, q: float = 0.7, k: float = 0.5, start: float = 1 / 3):
        if not 0 < q <= 1:
            raise ValueError(f"q must be in (0, 1], got {q}")
        if not 0 <= k < 1:
            raise ValueError(f"k must be in [0, 1), got {k}")
        if not 0 <= start <= 1:
            raise ValueError(f"start must be in [0, 1], got {start}")
        self.q, self.k, self.start = q, k, start
        self.sums = {}  # annotation id -> [sum of its label's probability, RoIs], of this epoch
        self.pruned = set()

    def start_epoch(self, epoch):
        """Take the epoch that has ended into account."""
        seen = self.sums.items()
        self.pruned -= {number for number, _ in seen}
        self.pruned |= {number for number, (total, count) in seen if total / count <= self.k}
        self.sums = {}

    def loss(self, logits, labels, ctx):
        """Loss per RoI, shape (N,), of logits (N, K+1) and labels (N,)."""
        log_p = of_labels(log_probabilities(logits), labels)
        losses = -torch.expm1(self.q * log_p) / self.q
        # Ids are -1 at background, and RoIs of weight 0 are not trained on.
        ids = torch.where(ctx.weights > 0, ctx.annotation_ids, -1).tolist()
        for number, probability in zip(ids, log_p.detach().exp().tolist(), strict=True):
            if number >= 0:
                total, count = self.sums.get(number, (0.0, 0))
                self.sums[number] = [total + probability, count + 1]
        if ctx.epoch < self.start * ctx.num_epochs:
            return losses
        kept = torch.tensor([number not in self.pruned for number in ids], device=losses.device)
        return losses * kept

    def state_dict(self):
        """Tensors, numbers, texts, lists and dictionaries alone: checkpoints hold no objects."""
        return {
            "pruned": sorted(self.pruned),
            "sums": [[number, *entry] for number, entry in self.sums.items()],
        }

    def load_state_dict(self, state):
        """Go on from a state."""
        self.pruned = set(state["pruned"])
        self.sums = {number: entry for number, *entry in state["sums"]}

    def merged_state(self, before, states):
        """One state of several devices', of which each has seen annotations of its own."""
        sums = {entry[0]: entry for state in states for entry in state["sums"]}
        return {
            "pruned": states[0]["pruned"],  # since the epoch began the same on all of them
            "sums": [sums[number] for number in sorted(sums)],
        }
