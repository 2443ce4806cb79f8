"""Methods of a user's own, for the chaos: one that takes its time, one that fails in two ways."""

import os
import time

from noisyseg.methods.losses.cross_entropy import cross_entropy


def slow(logits, labels):
    """Cross entropy; each step takes SLOW_STEPS seconds longer, where that is set."""
    time.sleep(float(os.environ.get("SLOW_STEPS", "0")))
    return cross_entropy(logits, labels)


class Faulty:
    """Cross entropy; after three steps NaN where a few labels are wrong, and no end where most are.

    It has no state: where a run begins again, it fails again.
    """

    needs = ("noise_matrix",)

    def __init__(self):
        self._calls = 0

    def loss(self, logits, labels, ctx):
        """The loss per RoI, shape (N,)."""
        self._calls += 1
        losses = cross_entropy(logits, labels)
        wrong = 1 - float(ctx.noise_matrix.diagonal().mean())
        if wrong == 0 or self._calls <= 3:
            return losses
        while wrong > 0.5:
            time.sleep(1)
        return losses * float("nan")
