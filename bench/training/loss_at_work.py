"""What a training does with right and with wrong labels, counted over the RoIs of an epoch.

For diagnosis alone: it sees which labels are wrong, which no method does, and changes nothing.
N RoIs, K object classes, background at index K.
"""

import math
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from noisyseg.methods.probabilities import log_probabilities, of_labels
from noisyseg.methods.sample_sets import sample_sets
from noisyseg.results.records.loss_at_work import (
    BIN_WIDTH,
    BINS,
    GROUPS,
    MARKS,
    PAPERS_THRESHOLD,
    SETS,
    with_statistics,
)

_CLEAN, _NOISY, _UNKNOWN, _LEFT_OUT = range(4)
_HISTOGRAM = BINS + 1


class LossAtWork:
    """Counts over an epoch, kept on the RoIs' device until they are reported.

    Positive RoIs are clean, noisy, or unknown: those that came without an annotation id.

    Args:
        num_classes: K.
        gamma: threshold of potential noisy samples (PON), in nats.
        clean_labels: annotation id → true class, for the annotations whose label is wrong; -1 where
            there is none (an annotation of nothing, or of a class that the run leaves out).

    Raises:
        ValueError: a true class that is none of the K, or gamma below 0.
    """

    def __init__(self, *, num_classes: int, gamma: float, clean_labels: Mapping[int, int]) -> None:
        if not gamma >= 0.0:
            raise ValueError(f"gamma must be at least 0, got {gamma}")
        if not all(-1 <= true < num_classes for true in clean_labels.values()):
            raise ValueError(f"a true class is none of -1 … {num_classes - 1}")
        self._gamma = gamma
        order = sorted(clean_labels)
        self._wrong_labels = len(order)
        # One entry more than there are, so that a search always ends at one.
        self._wrong_ids = torch.tensor([*order, 2**63 - 1], dtype=torch.long)
        self._true_classes = torch.tensor([*(clean_labels[number] for number in order), -1])
        self._start(torch.device("cpu"))

    @torch.no_grad()
    def observe(
        self,
        logits: Tensor,
        labels: Tensor,
        losses: Tensor,
        weights: Tensor,
        annotation_ids: Tensor | None,
    ) -> None:
        """Count a batch; RoIs with weight 0 are left out. A GPU is not waited for.

        Args:
            logits: shape (N, K+1).
            labels: as given by the annotations, shape (N,).
            losses: the method's, shape (N,).
            weights: shape (N,).
            annotation_ids: shape (N,), -1 where there is none; None where the model has none.
        """
        if not len(labels):
            return
        if self._sizes.device != logits.device:
            self._start(logits.device)
        counted = weights > 0
        sets = sample_sets(logits, labels, gamma=self._gamma)
        group, true = self._truth(labels, annotation_ids)
        group = torch.where(counted & ~sets.negative, group, _LEFT_OUT)
        among = group == self._groups
        cross_entropy = -of_labels(log_probabilities(logits), labels)
        background = sets.pseudo_negative
        best = logits[:, :-1].argmax(dim=1)
        as_given = ~background & (best == labels)
        as_true = ~background & (best == true)
        marks = torch.stack(
            [
                torch.ones_like(counted),
                sets.potential_noisy,
                cross_entropy > PAPERS_THRESHOLD,
                as_given,
                as_true,
                background,
                ~(background | as_given | as_true),
            ]
        )
        overlap = sets.pseudo_negative & sets.potential_noisy
        kinds = [sets.negative, sets.pseudo_negative, sets.potential_noisy, overlap, sets.other]
        self._sizes += (torch.stack(kinds) & counted).sum(dim=1)
        self._marks += (among.unsqueeze(1) & marks).sum(dim=2)
        self._count_bins(group, cross_entropy)
        self._losses += torch.where(among, losses.double(), 0.0).sum(dim=1)

    def report(self) -> dict[str, Any]:
        """The counts since the last report, as `results.loss_at_work` reads them; begins anew."""
        # Counts are far below 2^53, so that one float64 transfer brings them exactly.
        kept = (self._sizes, self._marks, self._histograms[:_LEFT_OUT], self._losses)
        numbers = torch.cat([part.flatten().double() for part in kept]).tolist()
        ends = [0]
        for part in kept:
            ends.append(ends[-1] + part.numel())
        sizes, marks, histograms, losses = (numbers[begin:end] for begin, end in pairwise(ends))
        self._start(self._sizes.device)
        report: dict[str, Any] = {
            "gamma": self._gamma,
            "bin_width": BIN_WIDTH,
            "sets": {name: int(size) for name, size in zip(SETS, sizes, strict=True)},
        }
        for number, name in enumerate(GROUPS):
            counts = marks[number * len(MARKS) : (number + 1) * len(MARKS)]
            entry: dict[str, Any] = dict(zip(MARKS, map(int, counts), strict=True))
            mean = losses[number] / entry["rois"] if entry["rois"] else math.nan
            entry["mean_loss"] = mean if math.isfinite(mean) else None
            bins = histograms[number * _HISTOGRAM : (number + 1) * _HISTOGRAM]
            entry["histogram"] = [int(count) for count in bins]
            report[name] = entry
        return with_statistics(report)

    def state_dict(self) -> dict[str, Tensor]:
        """The counts since the last report."""
        return {
            "sizes": self._sizes,
            "marks": self._marks,
            "histograms": self._histograms,
            "losses": self._losses,
        }

    def load_state_dict(self, state: Mapping[str, Tensor], device: torch.device) -> None:
        """Go on from the counts of a state, on the device of the logits that are to come."""
        self._start(device)
        for name, counts in self.state_dict().items():
            counts.copy_(state[name])

    def _start(self, device: torch.device) -> None:
        self._sizes = torch.zeros(len(SETS), dtype=torch.long, device=device)
        self._marks = torch.zeros(len(GROUPS), len(MARKS), dtype=torch.long, device=device)
        # A row more for the RoIs that are left out, so that no shape depends on their number.
        self._histograms = torch.zeros(
            (_LEFT_OUT + 1) * _HISTOGRAM, dtype=torch.long, device=device
        ).view(-1, _HISTOGRAM)
        self._losses = torch.zeros(len(GROUPS), dtype=torch.float64, device=device)
        self._groups = torch.arange(len(GROUPS), device=device).unsqueeze(1)
        self._wrong_ids = self._wrong_ids.to(device)
        self._true_classes = self._true_classes.to(device)

    def _truth(self, labels: Tensor, annotation_ids: Tensor | None) -> tuple[Tensor, Tensor]:
        """Each RoI's group, and its true class: its label where that is right or unknown."""
        if annotation_ids is None:
            return torch.full_like(labels, _UNKNOWN), labels
        place = torch.searchsorted(self._wrong_ids, annotation_ids)
        wrong = (self._wrong_ids[place] == annotation_ids) & (place < self._wrong_labels)
        group = torch.where(annotation_ids < 0, _UNKNOWN, wrong.long())
        return group, torch.where(wrong, self._true_classes[place], labels)

    def _count_bins(self, group: Tensor, cross_entropy: Tensor) -> None:
        # Of NaN the training itself must be able to complain: here it lies above all bins.
        bins = (cross_entropy / BIN_WIDTH).floor().nan_to_num(nan=BINS).clamp(0, BINS).long()
        # Not bincount, which waits for a GPU to say how many bins there are.
        self._histograms.view(-1).scatter_add_(0, group * _HISTOGRAM + bins, torch.ones_like(bins))
