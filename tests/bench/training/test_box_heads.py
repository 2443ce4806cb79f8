from pathlib import Path

import mmdet
import pytest
import torch
from mmdet.models.losses import CrossEntropyLoss, SeesawLoss
from mmdet.models.roi_heads.bbox_heads import Shared2FCBBoxHead
from mmdet.models.task_modules.samplers import OHEMSampler
from mmdet.registry import MODELS
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import DefaultScope

from noisyseg.bench.datasets.shape_geometry import CLASSES
from noisyseg.bench.training.box_heads import put_method
from noisyseg.bench.training.run_dataset import train_dataset
from noisyseg.errors import InputError
from noisyseg.methods.losses.cross_entropy import cross_entropy
from noisyseg.methods.method import Method, ResolvedMethod
from noisyseg.methods.registry import resolve

CONFIGS = Path(mmdet.__file__).parent / ".mim" / "configs" / "_base_" / "models"


def own_method(definition, **parameters):
    """A method that nobody has registered."""
    method = Method(name="own", version=1, definition=definition, paper="", summary="")
    return ResolvedMethod(method=method, parameters=parameters)


# What the log calls potential noisy samples


def focal(logits, labels, *, gamma: float = 2.0):
    return (1 - (-cross_entropy(logits, labels)).exp()) ** gamma * cross_entropy(logits, labels)


@pytest.mark.parametrize(
    ("method", "gamma"),
    [
        (resolve("ce", {}), 6.0),
        (resolve("lncis", {}), 6.0),
        (resolve("lncis", {"gamma": 1.5}), 1.5),
        (resolve("split(gce)", {"gamma": 2.5}), 2.5),
        (own_method(focal, gamma=2.0), 6.0),
        # A file's function of any name it likes.
        (
            ResolvedMethod(
                method=Method(
                    **{"name": "split(focal)", "definition": focal, "paper": "", "summary": ""},
                    file_sha256="0" * 64,
                ),
                parameters={"gamma": 2.0},
            ),
            6.0,
        ),
    ],
    ids=["ce", "lncis", "lncis 1.5", "split", "own", "file"],
)
def test_gamma_is_a_threshold_of_the_papers_loss_and_its_kin_alone(tiny, method, gamma):
    (loss,) = put_method(tiny(), method, num_epochs=3, at_work=True)
    # Two classes' scores far below that of a third: cross entropy is the gap, 2 or 5 or 7.
    logits = torch.full((3, 9), -50.0)
    logits[:, 0] = 0.0
    logits[torch.arange(3), 1] = torch.tensor([-2.0, -5.0, -7.0])
    loss(logits, torch.ones(3, dtype=torch.long))
    report = loss.at_work.report()
    assert report["gamma"] == gamma
    assert report["sets"]["potential_noisy"] == sum(gap > gamma for gap in (2.13, 5.01, 7.0))


# In a detector


def changed_modules(detector, change):
    before = dict(detector.named_modules())
    state = {name: value.clone() for name, value in detector.state_dict().items()}
    losses = change()
    after = dict(detector.named_modules())
    assert list(before) == list(after)
    torch.testing.assert_close(dict(detector.state_dict()), state, rtol=0, atol=0)
    return losses, {name for name in before if before[name] is not after[name]}


def test_it_replaces_the_box_heads_class_loss_and_nothing_else(tiny):
    detector = tiny()
    method = resolve("gce", {})
    losses, changed = changed_modules(detector, lambda: put_method(detector, method, num_epochs=7))
    assert changed == {"roi_head.bbox_head.loss_cls"}
    assert losses == [detector.roi_head.bbox_head.loss_cls]
    assert losses[0].name == "gce"
    assert (losses[0].num_classes, losses[0].num_epochs) == (8, 7)


def test_every_stage_of_a_cascade_gets_it():
    config = Config.fromfile(CONFIGS / "cascade-mask-rcnn_r50_fpn.py").model
    head = config.roi_head
    for stage in head.bbox_head:
        stage.update(in_channels=4, fc_out_channels=4, num_classes=3)
    head.mask_head.update(in_channels=4, conv_out_channels=4, num_classes=3)
    head.update(train_cfg=config.train_cfg.rcnn, test_cfg=config.test_cfg.rcnn)
    with DefaultScope.overwrite_default_scope("mmdet"):
        cascade = MODELS.build(head)
    losses, changed = changed_modules(
        cascade, lambda: put_method(cascade, resolve("ce", {}), num_epochs=2)
    )
    assert changed == {f"bbox_head.{stage}.loss_cls" for stage in range(3)}
    assert losses == [stage.loss_cls for stage in cascade.bbox_head]
    assert [loss.num_classes for loss in losses] == [3, 3, 3]


def test_a_detector_with_cross_entropy_put_in_loses_what_mmdets_own_does(tiny, shapes):
    dataset = train_dataset(
        shapes / "annotations" / "instances_train.json",
        shapes / "train",
        classes=CLASSES,
        image={"scale": [64, 64], "scale_to": None, "flip": 0.5, "min_size": 1},
        train_seed=0,
    )
    detector = tiny()
    batch = detector.data_preprocessor(pseudo_collate([dataset[0], dataset[1]]), training=True)

    def losses():
        torch.manual_seed(3)  # mmdet samples its RoIs
        total, values = detector.parse_losses(detector(**batch, mode="loss"))
        detector.zero_grad()
        total.backward()
        gradient = detector.roi_head.bbox_head.fc_cls.weight.grad.clone()
        return {name: value.detach() for name, value in values.items()}, gradient

    expected = losses()
    put_method(detector, resolve("ce", {}), num_epochs=2)
    found = losses()
    assert {"loss_cls", "loss_bbox", "loss_mask", "acc"} <= expected[0].keys()
    torch.testing.assert_close(found, expected, rtol=3e-6, atol=1e-7)


# Models that a method cannot be put in


def sigmoid_scores(detector):
    detector.roi_head.bbox_head.loss_cls = CrossEntropyLoss(use_sigmoid=True)


def scores_of_two_kinds(detector):
    detector.roi_head.bbox_head.loss_cls = SeesawLoss(num_classes=8)


@pytest.mark.parametrize("change", [sigmoid_scores, scores_of_two_kinds])
def test_a_box_head_without_softmax_scores_is_refused(tiny, change):
    detector = tiny()
    change(detector)
    with pytest.raises(InputError, match=r"box head Shared2FCBBoxHead.*need softmax scores over K"):
        put_method(detector, resolve("ce", {}), num_epochs=2)


def test_a_model_without_a_box_head_is_refused():
    config = Config.fromfile(CONFIGS / "retinanet_r50_fpn.py").model
    with DefaultScope.overwrite_default_scope("mmdet"):
        detector = MODELS.build(config)
    with pytest.raises(InputError, match=r"a RetinaNet has no box head.*two-stage model"):
        put_method(detector, resolve("ce", {}), num_epochs=2)


def test_a_sampler_that_calls_the_class_loss_is_refused(tiny):
    detector = tiny()
    head = detector.roi_head
    mining = OHEMSampler(num=32, pos_fraction=0.25, context=head)
    random = head.bbox_sampler
    for samplers in (mining, [random, mining]):  # a cascade has a list of them
        head.bbox_sampler = samplers
        with pytest.raises(InputError, match=r"sampler OHEMSampler calls the class loss.*Random"):
            put_method(detector, resolve("ce", {}), num_epochs=2)
    head.bbox_sampler = random
    put_method(detector, resolve("ce", {}), num_epochs=2)


class OwnTargets(Shared2FCBBoxHead):
    """A head that takes an image's negatives first."""

    def get_targets(self, *args, **kwargs):
        return super().get_targets(*args, **kwargs)


class OwnTargetsOfAnImage(Shared2FCBBoxHead):
    def _get_targets_single(self, *args, **kwargs):
        return super()._get_targets_single(*args, **kwargs)


@pytest.mark.parametrize("kind", [OwnTargets, OwnTargetsOfAnImage])
def test_a_head_with_targets_of_its_own_serves_methods_that_need_no_annotation_ids(tiny, kind):
    detector = tiny()
    detector.roi_head.bbox_head.__class__ = kind
    for name in ("elr", "jol"):
        with pytest.raises(InputError, match=rf"'{name}' needs the annotation.*{kind.__name__}"):
            put_method(detector, resolve(name, {}), num_epochs=2)
    for name, parameters in (("ce", {}), ("jol", {"relabel": False})):
        (loss,) = put_method(detector, resolve(name, parameters), num_epochs=2)
        assert detector.roi_head.bbox_head.loss_cls is loss
    assert type(detector.roi_head.bbox_head) is kind
