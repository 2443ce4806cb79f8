"""The one place where a noisyseg method is put into an mmdet detector: its box heads."""

from collections.abc import Iterable
from itertools import product

from mmdet.models.roi_heads.bbox_heads import BBoxHead
from mmdet.models.task_modules.samplers import OHEMSampler
from torch import Tensor, nn

from noisyseg.bench.training.annotation_ids import carry_annotation_ids, gives_annotation_ids
from noisyseg.bench.training.class_loss import MethodLoss
from noisyseg.bench.training.loss_at_work import LossAtWork
from noisyseg.bench.training.threshold import threshold_of
from noisyseg.errors import InputError
from noisyseg.methods.context import ANNOTATION_IDS
from noisyseg.methods.method import ResolvedMethod


def put_method(
    detector: nn.Module,
    method: ResolvedMethod,
    *,
    num_epochs: int,
    noise_matrix: Tensor | None = None,
    at_work: bool = False,
    wrong_labels: dict[int, int] | None = None,
) -> list[MethodLoss]:
    """Replace the class loss of every box head in detector; nothing else changes.

    Args:
        detector: an mmdet two-stage model; a cascade has a box head in each of its stages.
        method: of which every head gets one with a state of its own.
        num_epochs: of the training.
        noise_matrix: P(noisy label | clean label), shape (K, K), for methods that ask for it.
        at_work: whether the losses are observed for the run's log.
        wrong_labels: annotation id → true class, for that log alone.

    Returns:
        The losses put in, for the training loop to tell them epoch and batch.

    Raises:
        InputError: no box head, one without softmax scores, or one that cannot tell which
            annotation a RoI belongs to while the method needs it; a sampler that calls the class
            loss itself.
    """
    _check_samplers(detector)
    losses = []
    for module in list(detector.modules()):
        if isinstance(module, BBoxHead):
            _check_head(module, method)
            loss = MethodLoss(
                method,
                num_classes=module.num_classes,
                num_epochs=num_epochs,
                noise_matrix=noise_matrix,
                at_work=_observer(method, module.num_classes, wrong_labels) if at_work else None,
            )
            module.loss_cls = loss
            carry_annotation_ids(module)
            losses.append(loss)
    if not losses:
        raise InputError(
            f"a {type(detector).__name__} has no box head, whose class loss a method replaces. "
            "Wanted: a two-stage model, such as mmdet's Mask R-CNN or Cascade Mask R-CNN."
        )
    return losses


def watch_besides(
    losses: Iterable[MethodLoss], thresholds: Iterable[float], wrong_labels: dict[int, int]
) -> None:
    """Count what the losses do by further thresholds of PON, for logs of runs that go by those.

    Args:
        losses: that `put_method` gave.
        thresholds: in nats.
        wrong_labels: as `put_method` was given them.
    """
    for loss, threshold in product(losses, thresholds):
        loss.besides[threshold] = LossAtWork(
            num_classes=loss.num_classes, gamma=threshold, clean_labels=wrong_labels
        )


def _observer(
    method: ResolvedMethod, num_classes: int, wrong_labels: dict[int, int] | None
) -> LossAtWork:
    return LossAtWork(
        num_classes=num_classes, gamma=threshold_of(method), clean_labels=wrong_labels or {}
    )


def _check_samplers(detector: nn.Module) -> None:
    """Refuse hard example mining: it asks the class loss of RoIs that are not trained on.

    A method with a state would keep a trace of them, and the log of the loss at work count them.
    """
    samplers = getattr(getattr(detector, "roi_head", None), "bbox_sampler", None)
    for sampler in samplers if isinstance(samplers, list) else [samplers]:
        if isinstance(sampler, OHEMSampler):
            raise InputError(
                f"the RoIs' sampler {type(sampler).__name__} calls the class loss to choose them, "
                "which a method's state and log would count. Take RandomSampler "
                "(train_cfg.rcnn.sampler)."
            )


def _check_head(head: BBoxHead, method: ResolvedMethod) -> None:
    kind = type(head).__name__
    if getattr(head.loss_cls, "use_sigmoid", False) or head.custom_cls_channels:
        raise InputError(
            f"the box head {kind} has a score of its own for each class; methods need softmax "
            "scores over K classes and background (loss_cls: {use_sigmoid: false})."
        )
    if ANNOTATION_IDS in method.start().needs and not gives_annotation_ids(head):
        raise InputError(
            f"method {method.name!r} needs the annotation of each RoI, which the box head {kind} "
            "cannot give: it makes its targets in a way of its own. Take a model with mmdet's "
            "BBoxHead or a head that makes targets as it does, or a method without that need."
        )
