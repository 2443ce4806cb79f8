"""Which annotation each RoI was matched to, carried from the file to the class loss.

mmdet drops annotation ids when it reads a file, and again when it packs a sample. Here they are a
field of the ground truth beside boxes and labels, and a subclass of the box head hands those of
the sampled RoIs to its loss. Boxes, masks and losses are left as they are.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any, ClassVar

import numpy as np
import torch
from mmdet.datasets.transforms import PackDetInputs
from mmdet.models.roi_heads.bbox_heads import BBoxHead
from torch import Tensor, nn

NO_ANNOTATION = -1


class PackAnnotationIds(PackDetInputs):
    """mmdet's last transform, with the ids of the annotations; crowds are split off as it does."""

    mapping_table: ClassVar = {**PackDetInputs.mapping_table, "gt_annotation_ids": "annotation_ids"}

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Pack a sample; its ground truth has `annotation_ids`, shape (number of objects,).

        Raises:
            RuntimeError: a transform before has removed or added objects.
        """
        ids = [instance["annotation_id"] for instance in results["instances"]]
        if len(ids) != len(results["gt_bboxes"]):
            raise RuntimeError(
                f"{len(ids)} annotations, but {len(results['gt_bboxes'])} boxes: a transform that "
                "removes objects must keep their annotation ids."
            )
        results["gt_annotation_ids"] = np.array(ids, dtype=np.int64)
        packed: dict[str, Any] = super().transform(results)
        return packed


def gives_annotation_ids(head: nn.Module) -> bool:
    """Whether a box head puts a batch's RoIs in the order that `roi_annotation_ids` knows."""
    return (
        isinstance(head, BBoxHead)
        and _original(head).get_targets is BBoxHead.get_targets
        and _original(head)._get_targets_single is BBoxHead._get_targets_single
    )


def carry_annotation_ids(head: BBoxHead) -> None:
    """Let a box head hand the annotation ids of its RoIs to its loss (`loss.annotation_ids`).

    The head's loss holds those of the batch's ground truth (`loss.gt_annotation_ids`), an image a
    tensor, before each forward pass.
    """
    if gives_annotation_ids(head):
        head.__class__ = _with_annotation_ids(_original(head))  # type: ignore[arg-type]


def roi_annotation_ids(sampling_results: Sequence[Any], ground_truth: Sequence[Tensor]) -> Tensor:
    """The ids of a batch's RoIs: of each image the positive ones, then -1 for each negative.

    Args:
        sampling_results: mmdet's, an image each.
        ground_truth: annotation ids of each image's objects, in the order of its boxes.

    Returns:
        Shape (N,), in the order of the head's labels.
    """
    parts = []
    for result, ids in zip(sampling_results, ground_truth, strict=True):
        parts.append(ids[result.pos_assigned_gt_inds])
        parts.append(ids.new_full((len(result.neg_priors),), NO_ANNOTATION))
    return torch.cat(parts)


def _original(head: nn.Module) -> type[Any]:
    return getattr(type(head), "original", type(head))


@cache
def _with_annotation_ids(original: type[Any]) -> type[Any]:
    """A subclass of a box head's class; one for every class, so that types compare equal."""

    class WithAnnotationIds(original):
        """A box head whose targets come with annotation ids."""

        def get_targets(self, sampling_results: Sequence[Any], *args: Any, **kwargs: Any) -> Any:
            loss = self.loss_cls
            if loss.gt_annotation_ids is not None:
                loss.annotation_ids = roi_annotation_ids(sampling_results, loss.gt_annotation_ids)
            return super().get_targets(sampling_results, *args, **kwargs)

    WithAnnotationIds.original = original
    WithAnnotationIds.__name__ = WithAnnotationIds.__qualname__ = original.__name__
    return WithAnnotationIds
