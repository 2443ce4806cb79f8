"""mmdet's RPN head for a whole pass: its targets, losses and proposals.

B images, A anchors, P and Q slots for positive and negative samples.
"""

from typing import Any, cast

import torch
from mmengine.structures import InstanceData
from torch import Tensor

from noisyseg.bench.training.batched.anchors import Anchors, AnchorStore, usable_anchors
from noisyseg.bench.training.batched.ground_truth import GroundTruth, ground_truth
from noisyseg.bench.training.batched.matching import match, match_rule
from noisyseg.bench.training.batched.proposals import proposals
from noisyseg.bench.training.batched.sampling import Sample, sample

# mmdet adds it to every divisor of a loss.
_EPSILON = torch.finfo(torch.float32).eps


class BatchedRPNHead:
    """What is put before mmdet's RPNHead: training alone, prediction stays as it is."""

    def loss_and_predict(
        self, x: tuple[Tensor, ...], batch_data_samples: list[Any], proposal_cfg: Any = None
    ) -> tuple[dict[str, Tensor], list[InstanceData]]:
        """The two losses of mmdet and the proposals of each image.

        Args:
            x: features of each level, shape (B, C, H, W).
            batch_data_samples: mmdet's; of labels it takes no notice.
            proposal_cfg: mmdet's `rpn_proposal`.
        """
        head = cast(Any, self)
        scores, deltas = head(x)
        features = tuple((score.shape[-2], score.shape[-1]) for score in scores)
        anchors = _store(head).get(features, scores[0].device)
        scores = torch.cat([part.permute(0, 2, 3, 1).flatten(1) for part in scores], 1)
        deltas = torch.cat([_by_anchor(part) for part in deltas], 1)
        metas = [sample.metainfo for sample in batch_data_samples]
        losses = _losses(head, scores, deltas, anchors, batch_data_samples, metas)
        settings = head.test_cfg if proposal_cfg is None else proposal_cfg
        found = proposals(scores, deltas, anchors, metas, coder=head.bbox_coder, settings=settings)
        return losses, found


def _store(head: Any) -> AnchorStore:
    """The head's anchors; not a buffer: no checkpoint holds them."""
    if "anchor_store" not in vars(head):
        head.anchor_store = AnchorStore(head.prior_generator)
    store: AnchorStore = head.anchor_store
    return store


def _by_anchor(deltas: Tensor) -> Tensor:
    return deltas.permute(0, 2, 3, 1).reshape(len(deltas), -1, 4)


def _losses(
    head: Any,
    scores: Tensor,
    deltas: Tensor,
    anchors: Anchors,
    samples: list[Any],
    metas: list[dict[str, Any]],
) -> dict[str, Tensor]:
    truth = ground_truth(samples)
    usable = usable_anchors(
        anchors,
        metas,
        strides=head.prior_generator.strides,
        border=head.train_cfg["allowed_border"],
    )
    rule = match_rule(head.assigner)
    matched = match(anchors.boxes, truth.padded, truth.real, rule=rule, usable=usable)
    keys = torch.rand(matched.shape, device=matched.device)
    taken = sample(matched, keys, head.sampler)
    divisor = _divisor(taken)
    return {
        "loss_rpn_cls": _class_loss(head.loss_cls, scores, taken, divisor),
        "loss_rpn_bbox": _box_loss(head, deltas, anchors, matched, truth, taken) / divisor,
    }


def _divisor(taken: Sample) -> Tensor:
    """mmdet's: the samples of all images, an image without any of a kind counting one."""
    positive = taken.is_positive.sum(1).clamp_(min=1)
    negative = taken.is_negative.sum(1).clamp_(min=1)
    return (positive + negative).sum() + _EPSILON


def _class_loss(loss: Any, scores: Tensor, taken: Sample, divisor: Tensor) -> Tensor:
    """Binary cross entropy of the samples; empty slots have weight 0."""
    places = torch.cat([taken.positive, taken.negative], 1)
    weights = torch.cat([taken.is_positive, taken.is_negative], 1).float()
    labels = torch.zeros_like(weights)
    labels[:, : taken.positive.shape[1]] = 1
    # Scores and labels of one dimension: mmdet's loss takes them as they are, and does not look
    # for the classes that there are.
    terms = loss(
        scores.gather(1, places).flatten(),
        labels.flatten(),
        weights.flatten(),
        reduction_override="none",
    )
    total: Tensor = terms.sum() / divisor
    return total


def _box_loss(
    head: Any,
    deltas: Tensor,
    anchors: Anchors,
    matched: Tensor,
    truth: GroundTruth,
    taken: Sample,
) -> Tensor:
    """The sum over the positive samples."""
    there = taken.is_positive
    priors = anchors.boxes[taken.positive]
    rows = truth.rows(matched.gather(1, taken.positive), there)
    # An empty slot's object is its anchor: a target of 0, never one that is no number.
    objects = torch.where(there[..., None], truth.boxes[rows], priors)
    targets = head.bbox_coder.encode(priors.view(-1, 4), objects.view(-1, 4))
    predicted = deltas.gather(1, taken.positive[..., None].expand(-1, -1, 4)).view(-1, 4)
    terms = head.loss_bbox(predicted, targets, reduction_override="none")
    total: Tensor = (terms * there.view(-1, 1)).sum()
    return total
