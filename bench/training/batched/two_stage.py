"""mmdet's two-stage detectors without a copy of the samples for the RPN."""

from typing import Any, cast

import torch
from mmdet.structures import DetDataSample
from mmengine.structures import InstanceData
from torch import Tensor


class LightTwoStage:
    """What is put before an mmdet TwoStageDetector: its loss copies no masks and no boxes."""

    def loss(self, batch_inputs: Tensor, batch_data_samples: list[Any]) -> dict[str, Any]:
        """The losses of RPN and RoI head.

        Args:
            batch_inputs: images, shape (B, 3, H, W).
            batch_data_samples: mmdet's.
        """
        model = cast(Any, self)
        x = model.extract_feat(batch_inputs)
        settings = model.train_cfg.get("rpn_proposal", model.test_cfg.rpn)
        objects = [_as_objects(sample) for sample in batch_data_samples]
        losses, proposals = model.rpn_head.loss_and_predict(x, objects, proposal_cfg=settings)
        return {**losses, **model.roi_head.loss(x, proposals, batch_data_samples)}


def _as_objects(sample: Any) -> DetDataSample:
    """The sample as the RPN sees it: every object of one class. Shares its tensors."""
    found = sample.gt_instances
    objects = InstanceData(bboxes=found.bboxes, labels=torch.zeros_like(found.labels))
    light = DetDataSample(metainfo=sample.metainfo, gt_instances=objects)
    if "ignored_instances" in sample:
        light.ignored_instances = sample.ignored_instances
    return light
