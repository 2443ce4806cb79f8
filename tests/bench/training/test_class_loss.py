from pathlib import Path

import mmdet
import pytest
import torch
from mmdet.models.losses import CrossEntropyLoss
from mmdet.registry import MODELS
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import DefaultScope

from noisyseg.bench.datasets.shape_geometry import CLASSES
from noisyseg.bench.training.class_loss import MethodLoss, put_method
from noisyseg.bench.training.run_dataset import train_dataset
from noisyseg.methods.method import Method, ResolvedMethod
from noisyseg.methods.registry import resolve

K = 5
N = 40
CONFIGS = Path(mmdet.__file__).parent / ".mim" / "configs" / "_base_" / "models"


@pytest.fixture
def batch():
    """Logits, labels with background last, and weights of which a quarter is 0."""
    generator = torch.Generator().manual_seed(11)
    logits = 4 * torch.randn(N, K + 1, generator=generator)
    labels = torch.randint(0, K + 1, (N,), generator=generator)
    labels[:5] = K
    weights = torch.rand(N, generator=generator) + 0.5
    weights[::4] = 0
    return logits, labels, weights


def method_loss(name="ce", **parameters):
    return MethodLoss(resolve(name, parameters), num_classes=K, num_epochs=3)


def value_and_gradient(loss, logits, labels, *rest, **options):
    leaf = logits.clone().requires_grad_()
    value = loss(leaf, labels, *rest, **options)
    value.sum().backward()
    return value.detach(), leaf.grad


# mmdet refuses a divisor for a sum.
@pytest.mark.parametrize(
    ("reduction", "avg_factor"),
    [(None, None), (None, 30.0), (None, 1.0), ("mean", 30.0), ("none", 30.0), ("sum", None)],
)
@pytest.mark.parametrize("weighted", [False, True])
def test_cross_entropy_is_mmdets_own(batch, reduction, avg_factor, weighted):
    logits, labels, weights = batch
    options = {"avg_factor": avg_factor, "reduction_override": reduction}
    weight = weights if weighted else None
    theirs = CrossEntropyLoss(use_sigmoid=False, loss_weight=1.0)
    expected = value_and_gradient(theirs, logits, labels, weight, **options)
    found = value_and_gradient(method_loss(), logits, labels, weight, **options)
    # mmdet adds float32's epsilon, 1.2e-7, to its divisor.
    torch.testing.assert_close(found, expected, rtol=3e-6, atol=1e-8)


def test_background_is_the_last_column():
    logits = torch.zeros(1, K + 1)
    logits[0, K] = 50.0
    loss = method_loss()
    assert loss(logits, torch.tensor([K])).item() == pytest.approx(0, abs=1e-6)
    assert loss(logits, torch.tensor([0])).item() == pytest.approx(50, rel=1e-6)


@pytest.mark.parametrize("name", ["ce", "gce", "sce", "lncis"])
def test_a_roi_of_weight_zero_moves_neither_loss_nor_gradient(batch, name):
    logits, labels, weights = batch
    loss = method_loss(name)
    value, gradient = value_and_gradient(loss, logits, labels, weights, avg_factor=30.0)
    assert torch.count_nonzero(gradient[weights == 0]) == 0
    assert torch.count_nonzero(gradient[weights > 0]) > 0
    other = logits.clone()
    other[weights == 0] = 3.0
    assert loss(other, labels, weights, avg_factor=30.0).item() == value.item()


def test_no_roi_gives_zero():
    empty = torch.zeros(0, K + 1), torch.zeros(0, dtype=torch.long)
    assert method_loss()(*empty).item() == 0


def test_the_method_is_told_what_it_may_know(batch):
    logits, labels, weights = batch
    seen = []

    def spy(logits, labels, ctx):
        seen.append(ctx)
        return torch.full_like(labels, 2, dtype=torch.float32)

    method = Method(name="spy", version=1, definition=spy, paper="", summary="")
    loss = MethodLoss(ResolvedMethod(method=method, parameters={}), num_classes=K, num_epochs=3)
    loss.epoch = 2
    assert loss(logits, labels, weights, avg_factor=8.0).item() == pytest.approx(
        2 * weights.sum().item() / 8, rel=1e-6
    )
    loss(logits, labels)
    with_weights, without = seen
    assert (with_weights.num_classes, with_weights.epoch, with_weights.num_epochs) == (K, 2, 3)
    assert with_weights.weights is weights
    assert without.weights.tolist() == [1.0] * N
    assert with_weights.annotation_ids is None
    assert with_weights.noise_matrix is None


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
