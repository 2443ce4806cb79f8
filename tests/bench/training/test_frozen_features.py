"""Kept features of a frozen backbone: as computed anew, of the right image; and when none are."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from noisyseg.bench.training.frozen_features import FrozenFeatures, kept_features

CPU = torch.device("cpu")


class Sample(dict):
    def __init__(self, image, flip, shape=(4, 4)):
        super().__init__(flip=flip, flip_direction="horizontal" if flip else None)
        self.img_id = image
        self.img_shape = shape


class Backbone(nn.Module):
    """Two levels of an image's mean; tells how many images it was given."""

    def __init__(self, layer=None):
        super().__init__()
        self.layer = layer or nn.Identity()
        self.seen = 0

    def forward(self, images):
        self.seen += len(images)
        mean = self.layer(images).mean((1, 2, 3), keepdim=True)
        return mean, 2 * mean


def detector(layer=None):
    model = nn.Module()
    model.backbone = Backbone(layer)
    return model


def test_each_image_is_computed_once_and_found_again_in_any_order():
    backbone = Backbone()
    features = FrozenFeatures(backbone)
    images = torch.rand(3, 3, 4, 4)
    features.announce([Sample(5, False), Sample(6, False), Sample(5, True)])
    first = features(images)
    features.announce([Sample(5, True), Sample(6, False)])
    second = features(images[[2, 1]])
    assert backbone.seen == 3
    for level, factor in ((0, 1), (1, 2)):
        mean = factor * images.mean((1, 2, 3), keepdim=True)
        assert torch.equal(first[level], mean)
        assert torch.equal(second[level], mean[[2, 1]])


def test_an_image_that_is_padded_to_another_size_is_another():
    backbone = Backbone()
    features = FrozenFeatures(backbone)
    for side in (4, 8, 4):
        features.announce([Sample(5, False)])
        features(torch.rand(1, 3, side, side))
    assert backbone.seen == 2


def test_an_image_of_another_drawn_size_is_another_though_padded_alike():
    """A protocol's `image.scale_to` draws a size an epoch; all are padded to multiples of 32."""
    backbone = Backbone()
    features = FrozenFeatures(backbone)
    images = torch.rand(2, 1, 3, 32, 32)
    for image, shape in zip(images, ((30, 30), (20, 20)), strict=True):
        features.announce([Sample(5, False, shape)])
        found = features(image)
        assert torch.equal(found[0], image.mean((1, 2, 3), keepdim=True))
    assert backbone.seen == 2


def test_what_does_not_fit_is_computed_again_and_is_the_same():
    backbone = Backbone()
    features = FrozenFeatures(backbone, limit=8)  # an image's two levels
    images = torch.rand(2, 3, 4, 4)
    found = []
    for _ in range(2):
        features.announce([Sample(1, False), Sample(2, False)])
        found.append(features(images))
    assert backbone.seen == 3
    assert all(torch.equal(*pair) for pair in zip(*found, strict=True))


def test_the_backbone_is_its_own_again_afterwards():
    model = detector()
    with kept_features(model, CPU) as features:
        assert model.backbone.forward is features
    assert "forward" not in vars(model.backbone)


@pytest.mark.parametrize(
    "layer", [nn.Conv2d(3, 1, 1), nn.BatchNorm2d(3, affine=False), nn.Dropout(0.5)], ids=str
)
def test_a_backbone_that_learns_counts_or_draws_is_left_alone(layer):
    with kept_features(detector(layer), CPU) as features:
        assert features is None


def test_a_frozen_layer_is_no_hindrance():
    layer = nn.Conv2d(3, 1, 1).requires_grad_(False)
    with kept_features(detector(layer), CPU) as features:
        assert features is not None


def test_a_gpu_and_a_detector_without_a_backbone_keep_nothing():
    with kept_features(detector(), SimpleNamespace(type="cuda")) as features:
        assert features is None
    with kept_features(nn.Linear(1, 1), CPU) as features:
        assert features is None


def test_a_training_is_resumed_alike_with_features_kept_before_and_not(tmp_path, shapes):
    """A MobileNetV2 with random weights: what is kept is lost in between."""
    from noisyseg.bench.config.model import load_model
    from noisyseg.bench.config.protocol import load_protocol
    from noisyseg.bench.datasets.shape_geometry import CLASSES
    from noisyseg.bench.training.checkpoint import load_checkpoint
    from noisyseg.bench.training.detector import build_detector
    from noisyseg.bench.training.loop import train
    from noisyseg.bench.training.run_dataset import train_dataset
    from noisyseg.bench.training.training import Training

    name = "mask-rcnn-mobilenetv2"
    model = load_model(name, where="", root=tmp_path, random_weights=True)
    protocol = {**load_protocol("smoke", where=""), "epochs": 2, "batch_size": 3, "micro_batch": 3}

    def go(name, *, stop=None):
        training = Training(
            key="k",
            detector=build_detector(model.detector, num_classes=8, seed=1, weights=None),
            class_losses=[],
            dataset=train_dataset(
                shapes / "annotations/instances_train.json",
                shapes / "train",
                classes=CLASSES,
                image=protocol["image"],
                train_seed=4,
            ),
            protocol=protocol,
            train_seed=4,
            device=CPU,
            checkpoint=tmp_path / name / "last.pth",
        )

        def on_iteration(done, loss):
            if done == stop:
                raise KeyboardInterrupt

        train(training, on_start=bool, on_epoch=bool, on_iteration=on_iteration)
        return load_checkpoint(training.checkpoint, key="k")["model"]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("noisyseg.bench.training.loop.CHECKPOINT_SECONDS", 0.0)
        whole = go("whole")
        with pytest.raises(KeyboardInterrupt):
            go("stopped", stop=1 + 1 / 3)
        resumed = go("stopped")
    torch.testing.assert_close(resumed, whole, rtol=0, atol=0)
