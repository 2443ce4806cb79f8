"""Batches of RoIs, and short trainings, that a method's contract is tried on.

Shapes: N RoIs, K object classes, background last. Everything is drawn from fixed seeds.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from noisyseg.methods.context import ANNOTATION_IDS, NEEDS, NOISE_MATRIX, LossContext
from noisyseg.methods.method import ResolvedMethod
from noisyseg.methods.running import RunningMethod

EPOCHS = 4
FIRST_AND_LAST = (0, EPOCHS - 1)
"""Epochs on either side of what a method may do in stages."""

_PER_ANNOTATION = 3  # RoIs


@dataclass(kw_only=True, slots=True, frozen=True, eq=False)
class Batch:
    """What a method is called with."""

    logits: Tensor
    labels: Tensor
    weights: Tensor
    annotation_ids: Tensor
    epoch: int
    within_epoch: float = 0.0

    @property
    def num_classes(self) -> int:
        """K."""
        return self.logits.shape[1] - 1

    def context(self, given: Collection[str] = NEEDS) -> LossContext:
        """The batch's side information, with what is given of `NEEDS`; T keeps 70 % of labels."""
        classes = self.num_classes
        kept = torch.eye(classes, dtype=torch.float64)
        others = (1 - kept) / max(classes - 1, 1)
        matrix = kept if classes == 1 else 0.7 * kept + 0.3 * others
        return LossContext(
            num_classes=classes,
            epoch=self.epoch,
            num_epochs=EPOCHS,
            within_epoch=self.within_epoch,
            weights=self.weights,
            annotation_ids=self.annotation_ids if ANNOTATION_IDS in given else None,
            noise_matrix=matrix if NOISE_MATRIX in given else None,
        )

    def rois(self, which: Tensor) -> "Batch":
        """Some of the RoIs, in the order that is given."""
        return replace(
            self,
            logits=self.logits[which],
            labels=self.labels[which],
            weights=self.weights[which],
            annotation_ids=self.annotation_ids[which],
        )

    def of_type(self, dtype: torch.dtype) -> "Batch":
        """The same with logits of another floating type."""
        return replace(self, logits=self.logits.to(dtype))


def batch(
    count: int = 24,
    *,
    classes: int = 4,
    epoch: int = 0,
    seed: int = 0,
    dtype: torch.dtype = torch.float64,
) -> Batch:
    """Half of the RoIs positive, three to an annotation; the same annotations for every seed."""
    generator = torch.Generator().manual_seed(seed)
    logits = 3.0 * torch.randn(count, classes + 1, generator=generator, dtype=torch.float64)
    place = torch.arange(count)
    positive = place % 2 == 0
    annotation = place // 2 // _PER_ANNOTATION
    return Batch(
        logits=logits.to(dtype),
        labels=torch.where(positive, annotation % classes, classes),
        weights=torch.ones(count),
        annotation_ids=torch.where(positive, 100 + annotation, -1),
        epoch=epoch,
    )


def extreme_batch(epoch: int, dtype: torch.dtype) -> Batch:
    """Every pattern of ±1e4 over two classes and background, under every label."""
    signs = torch.cartesian_prod(*[torch.tensor([-1.0, 1.0])] * 3)
    logits = (1e4 * signs).repeat_interleave(3, dim=0)
    labels = torch.arange(3).repeat(8)
    return Batch(
        logits=logits.to(dtype),
        labels=labels,
        weights=torch.ones(len(labels)),
        annotation_ids=torch.where(labels < 2, 100 + labels, -1),
        epoch=epoch,
    )


def trained_until(method: ResolvedMethod, epoch: int, *, classes: int = 4) -> RunningMethod:
    """The method at the beginning of an epoch (0-based), with two batches in each one before."""
    running = method.start()
    for earlier in range(epoch):
        running.start_epoch(earlier)
        for number in range(2):
            given = batch(classes=classes, epoch=earlier, seed=2 * earlier + 1 + number)
            lost(running, replace(given, within_epoch=number / 2))
    running.start_epoch(epoch)
    return running


def lost(running: RunningMethod, given: Batch) -> Tensor:
    """The method's losses of a copy of a batch, which is as it was whatever the method does.

    Like a layer's output, and unlike a leaf of the graph, a copy can be changed in place.
    """
    copy = given.rois(torch.arange(len(given.labels)))
    return running.loss(copy.logits, copy.labels, copy.context())
