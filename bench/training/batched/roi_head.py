"""mmdet's RoI head for a whole pass: its targets and losses."""

from typing import Any, cast

import torch
from torch import Tensor
from torch.nn.modules.utils import _pair

from noisyseg.bench.training.annotation_ids import NO_ANNOTATION
from noisyseg.bench.training.batched.ground_truth import GroundTruth, ground_truth, mask_table
from noisyseg.bench.training.batched.mask_targets import mask_targets
from noisyseg.bench.training.batched.padding import table
from noisyseg.bench.training.batched.roi_samples import RoISamples, roi_samples


class BatchedRoIHead:
    """What is put before mmdet's StandardRoIHead: training alone, prediction stays as it is."""

    def loss(
        self, x: tuple[Tensor, ...], rpn_results_list: list[Any], batch_data_samples: list[Any]
    ) -> dict[str, Tensor]:
        """The losses of the box head and of the mask head, if there is one.

        Args:
            x: features of each level.
            rpn_results_list: proposals of each image.
            batch_data_samples: mmdet's.
        """
        head = cast(Any, self)
        truth = ground_truth(batch_data_samples)
        chosen = roi_samples(
            [result.bboxes for result in rpn_results_list],
            truth,
            assigner=head.bbox_assigner,
            sampler=head.bbox_sampler,
        )
        classes = [sample.gt_instances.labels for sample in batch_data_samples]
        labels = table(classes, head.bbox_head.num_classes)[chosen.objects]
        losses: dict[str, Tensor] = _box_losses(head, x, chosen, truth, labels)
        if head.with_mask:
            targets = _mask_targets(head, chosen, truth, batch_data_samples)
            losses["loss_mask"] = _mask_loss(head, x, chosen, labels, targets)
        return losses


def _box_losses(
    head: Any, x: tuple[Tensor, ...], chosen: RoISamples, truth: GroundTruth, labels: Tensor
) -> Any:
    box_head = head.bbox_head
    _tell_annotations(box_head.loss_cls, chosen)
    results = head._bbox_forward(x, chosen.rois)
    targets, weights = box_targets(chosen, truth, box_head.bbox_coder)
    ones = weights.new_ones(len(labels))
    return box_head.loss(
        results["cls_score"], results["bbox_pred"], chosen.rois, labels, ones, targets, weights
    )


def _tell_annotations(loss: Any, chosen: RoISamples) -> None:
    """Hand a method's loss the annotations of the RoIs, as the box head else does."""
    ids = getattr(loss, "gt_annotation_ids", None)
    if ids is not None:
        loss.annotation_ids = table(ids, NO_ANNOTATION)[chosen.objects]


def box_targets(chosen: RoISamples, truth: GroundTruth, coder: Any) -> tuple[Tensor, Tensor]:
    """Deltas from the RoIs to their objects and their weights, shape (R, 4); 0 for negatives."""
    boxes = chosen.rois[chosen.positive, 1:]
    deltas = coder.encode(boxes, truth.boxes[chosen.objects[chosen.positive]])
    empty = chosen.rois.new_zeros((len(chosen.rois), 4))
    return (
        empty.index_copy(0, chosen.positive, deltas),
        empty.index_fill(0, chosen.positive, 1.0),
    )


def _mask_targets(head: Any, chosen: RoISamples, truth: GroundTruth, samples: list[Any]) -> Tensor:
    return mask_targets(
        mask_table(samples, chosen.rois.device),
        chosen.rois[chosen.positive, 1:],
        chosen.objects[chosen.positive],
        size=_pair(head.train_cfg.mask_size),
        counts=list(zip(truth.counts, chosen.positive_counts, strict=True)),
    )


def _mask_loss(
    head: Any, x: tuple[Tensor, ...], chosen: RoISamples, labels: Tensor, targets: Tensor
) -> Tensor:
    predicted = head._mask_forward(x, chosen.rois[chosen.positive])["mask_preds"]
    if not len(predicted):
        nothing: Tensor = predicted.sum()
        return nothing
    classes = labels[chosen.positive]
    if head.mask_head.class_agnostic:
        classes = torch.zeros_like(classes)
    loss: Tensor = head.mask_head.loss_mask(predicted, targets, classes)
    return loss
