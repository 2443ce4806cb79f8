"""mmdet v1's parts in today's mmdet, on whatever operators mmcv has here: what they compute."""

import math
from pathlib import Path

import pytest
import torch
from mmengine.dataset import pseudo_collate

from noisyseg.bench.config.model import load_model
from noisyseg.bench.config.protocol import load_protocol
from noisyseg.bench.datasets.shape_geometry import CLASSES
from noisyseg.bench.training.detector import build_detector
from noisyseg.bench.training.run_dataset import evaluation_dataset, train_dataset


@pytest.fixture(scope="module")
def legacy():
    """The legacy model for 8 classes; narrow, since its conventions are what matters."""
    config = load_model(
        "mask-rcnn-r50-fpn-legacy", where="", root=Path(), random_weights=True
    ).detector
    config["backbone"] |= {"depth": 18, "base_channels": 16, "stem_channels": 16}
    config["neck"] |= {"in_channels": [16, 32, 64, 128]}
    return build_detector(config, num_classes=8, seed=0, weights=None)


def test_legacy_anchors_lie_on_whole_pixels(legacy):
    """v1: stride 4, scale 8, ratio 1: 32 pixels from −14 to 17, the last one included."""
    generator = legacy.rpn_head.prior_generator
    first = generator.grid_priors([(2, 2)] * 5, device="cpu")[0][:3]
    assert first[1].tolist() == [-14, -14, 17, 17]
    # Ratio 1/2: 32 · √2 = 45.25 wide and 22.63 high, about (1.5, 1.5), rounded.
    assert first[0].tolist() == [-21, -9, 24, 12]


def test_legacy_box_codes_count_the_last_pixel(legacy):
    """A box from 0 to 9 is 10 wide; one from 0 to 19 is 20 wide, its centre 5 further.

    v1 took half a pixel off each side again as it decoded. mmdet leaves that out on purpose, as it
    says in its code: boxes come out half a pixel larger on each side.
    """
    box, truth = torch.tensor([[0.0, 0, 9, 9]]), torch.tensor([[0.0, 0, 19, 9]])
    for coder, stds in (
        (legacy.rpn_head.bbox_coder, [1.0, 1.0, 1.0, 1.0]),
        (legacy.roi_head.bbox_head.bbox_coder, [0.1, 0.1, 0.2, 0.2]),
    ):
        code = coder.encode(box, truth)
        torch.testing.assert_close(
            code * torch.tensor(stds), torch.tensor([[0.5, 0, math.log(2), 0]])
        )
        larger = truth + torch.tensor([[-0.5, -0.5, 0.5, 0.5]])
        torch.testing.assert_close(coder.decode(box, code), larger)


def test_legacy_roi_align_samples_between_pixels_without_a_shift(legacy):
    """On a ramp f(x) = x a bin's mean is its centre: v1 does not take half a pixel off."""
    ramp = torch.arange(40.0).expand(1, 1, 40, 40)
    for extractor, bins in (
        (legacy.roi_head.bbox_roi_extractor, 7),
        (legacy.roi_head.mask_roi_extractor, 14),
    ):
        layer = extractor.roi_layers[0]
        assert layer.spatial_scale == 1 / 4
        pooled = layer(ramp, torch.tensor([[0.0, 16.0, 24.0, 128.0, 136.0]]))
        expected = 4 + (torch.arange(bins) + 0.5) * 28 / bins
        torch.testing.assert_close(pooled[0, 0], expected.expand(bins, bins))


def test_the_legacy_model_trains_and_predicts(legacy, shapes):
    image = {**load_protocol("paper-voc-legacy", where="")["image"], "scale": [64, 64]}
    image |= {"test_scale": [64, 64]}
    files = shapes / "annotations" / "instances_train.json", shapes / "train"
    dataset = train_dataset(*files, classes=CLASSES, image=image, train_seed=0)
    data = legacy.data_preprocessor(pseudo_collate([dataset[0], dataset[1]]), training=True)
    total, losses = legacy.parse_losses(legacy.train()(**data, mode="loss"))
    assert all(torch.isfinite(value) for value in losses.values())
    assert losses["loss_mask"] > 0
    assert losses["loss_bbox"] > 0
    total.backward()
    trained = {n: p.grad for n, p in legacy.named_parameters() if p.requires_grad}
    assert all(gradient is not None and gradient.isfinite().all() for gradient in trained.values())
    tested = evaluation_dataset(*files, classes=CLASSES, image=image)
    with torch.no_grad():
        (found,) = legacy.eval().test_step(pseudo_collate([tested[0]]))
    assert found.pred_instances.masks.shape[1:] == (64, 64)
