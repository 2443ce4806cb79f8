"""Which parts of an mmdet detector go through a pass at once, and putting that into them.

Only parts of exactly the classes and settings that are covered; all others keep mmdet's own way.
"""

from functools import cache
from typing import Any

from mmdet.models.data_preprocessors import DetDataPreprocessor
from mmdet.models.dense_heads import RPNHead
from mmdet.models.detectors.two_stage import TwoStageDetector
from mmdet.models.losses import CrossEntropyLoss, L1Loss, SmoothL1Loss
from mmdet.models.roi_heads import StandardRoIHead
from mmdet.models.roi_heads.bbox_heads import BBoxHead
from mmdet.models.roi_heads.mask_heads import FCNMaskHead
from mmdet.models.roi_heads.roi_extractors import SingleRoIExtractor
from mmdet.models.task_modules.assigners import BboxOverlaps2D, MaxIoUAssigner
from mmdet.models.task_modules.coders import DeltaXYWHBBoxCoder, LegacyDeltaXYWHBBoxCoder
from mmdet.models.task_modules.prior_generators import AnchorGenerator, LegacyAnchorGenerator
from mmdet.models.task_modules.samplers import RandomSampler
from torch import nn

from noisyseg.bench.training.annotation_ids import gives_annotation_ids
from noisyseg.bench.training.batched.light_preprocessor import LightPreprocessor
from noisyseg.bench.training.batched.roi_head import BatchedRoIHead
from noisyseg.bench.training.batched.roi_levels import LevelledRoIs
from noisyseg.bench.training.batched.rpn_head import BatchedRPNHead
from noisyseg.bench.training.batched.two_stage import LightTwoStage


def batch_passes(detector: nn.Module) -> None:
    """Let the parts of a detector that are covered train on all images of a pass at once."""
    parts: Any = detector
    rpn_head, roi_head = getattr(parts, "rpn_head", None), getattr(parts, "roi_head", None)
    if _is_rpn_covered(rpn_head) and _are_proposals_covered(parts):
        _put_before(rpn_head, BatchedRPNHead)
    if _is_roi_head_covered(roi_head) and parts.data_preprocessor.pad_mask:
        _put_before(roi_head, BatchedRoIHead)
    # An RPN that is no RPNHead has losses of other names, which mmdet renames.
    if getattr(type(parts), "loss", None) is TwoStageDetector.loss and isinstance(
        rpn_head, RPNHead
    ):
        _put_before(parts, LightTwoStage)
    for module in detector.modules():
        if type(module) is SingleRoIExtractor:
            _put_before(module, LevelledRoIs)
        elif type(module) is DetDataPreprocessor:
            _put_before(module, LightPreprocessor)


def takes_mask_tensors(detector: nn.Module) -> bool:
    """Whether nothing in a detector's training asks for more of masks than a tensor has."""
    preprocessor: Any = getattr(detector, "data_preprocessor", None)
    return (
        isinstance(detector, LightTwoStage)
        and isinstance(getattr(detector, "roi_head", None), BatchedRoIHead)
        and type(preprocessor)
        in (DetDataPreprocessor, _with((LightPreprocessor, DetDataPreprocessor)))
        and preprocessor.batch_augments is None
        and preprocessor.mask_pad_value == 0
    )


def _put_before(part: Any, own: type[Any]) -> None:
    classes: tuple[type[Any], type[Any]] = (own, type(part))
    part.__class__ = _with(classes)


@cache
def _with(classes: tuple[type[Any], type[Any]]) -> type[Any]:
    """A class of the second's name; one for every pair, so that types compare equal."""
    own, original = classes
    return type(original.__name__, (own, original), {"__module__": original.__module__})


def _is_rpn_covered(head: Any) -> bool:
    return (
        type(head) is RPNHead
        and head.train_cfg is not None
        and not head.reg_decoded_bbox
        and head.train_cfg["pos_weight"] <= 0
        and type(head.prior_generator) in (AnchorGenerator, LegacyAnchorGenerator)
        and not head.prior_generator.use_box_type
        and _are_rpn_losses_covered(head)
        and _is_coder_covered(head.bbox_coder)
        and _is_assigner_covered(head.assigner)
        and _is_sampler_covered(head.sampler, with_objects=False)
    )


def _are_rpn_losses_covered(head: Any) -> bool:
    loss = head.loss_cls
    return (
        type(loss) is CrossEntropyLoss
        and head.use_sigmoid_cls
        and (loss.class_weight, loss.ignore_index, loss.reduction) == (None, None, "mean")
        and type(head.loss_bbox) in (L1Loss, SmoothL1Loss)
        and head.loss_bbox.reduction == "mean"
    )


def _are_proposals_covered(detector: Any) -> bool:
    settings = detector.train_cfg.get("rpn_proposal", detector.test_cfg.rpn)
    nms = dict(settings.nms)
    return nms.pop("type", "nms") == "nms" and nms.keys() == {"iou_threshold"}


def _is_roi_head_covered(head: Any) -> bool:
    return (
        type(head) is StandardRoIHead
        and head.train_cfg is not None
        and head.train_cfg.pos_weight <= 0
        and head.with_bbox
        and _is_box_head_covered(head.bbox_head)
        and (not head.with_mask or _is_mask_head_covered(head))
        and _is_assigner_covered(head.bbox_assigner)
        and _is_sampler_covered(head.bbox_sampler, with_objects=True)
    )


def _is_box_head_covered(head: Any) -> bool:
    return (
        gives_annotation_ids(head)
        and type(head).loss_and_target is BBoxHead.loss_and_target
        and _is_coder_covered(head.bbox_coder)
        and not head.reg_decoded_bbox
    )


def _is_mask_head_covered(head: Any) -> bool:
    mask_head = head.mask_head
    return (
        not head.share_roi_extractor
        and isinstance(mask_head, FCNMaskHead)
        and type(mask_head).get_targets is FCNMaskHead.get_targets
        and type(mask_head).loss_and_target is FCNMaskHead.loss_and_target
        and not head.train_cfg.get("soft_mask_target", False)
    )


def _is_coder_covered(coder: Any) -> bool:
    return type(coder) in (DeltaXYWHBBoxCoder, LegacyDeltaXYWHBBoxCoder) and not coder.use_box_type


def _is_assigner_covered(assigner: Any) -> bool:
    return (
        type(assigner) is MaxIoUAssigner
        and type(assigner.iou_calculator) is BboxOverlaps2D
        and assigner.iou_calculator.dtype is None
        and isinstance(assigner.neg_iou_thr, float)
        and assigner.min_pos_iou >= 0
        and assigner.gt_max_assign_all
        and assigner.ignore_iof_thr <= 0
        and assigner.gpu_assign_thr <= 0
        and assigner.perm_repeat_gt_cfg is None
    )


def _is_sampler_covered(sampler: Any, *, with_objects: bool) -> bool:
    return (
        type(sampler) is RandomSampler
        and sampler.neg_pos_ub < 0
        and sampler.add_gt_as_proposals == with_objects
    )
