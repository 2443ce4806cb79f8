import pytest
import torch
from mmdet.models.roi_heads.roi_extractors import SingleRoIExtractor

from noisyseg.bench.training.batched.placement import batch_passes


def extractors(*, ratio=0, strides=(4, 8, 16, 32)):
    settings = {
        "roi_layer": {"type": "RoIAlign", "output_size": 7, "sampling_ratio": ratio},
        "out_channels": 3,
        "featmap_strides": strides,
    }
    theirs, ours = SingleRoIExtractor(**settings), SingleRoIExtractor(**settings)
    batch_passes(torch.nn.Sequential(ours))
    assert type(ours) is not SingleRoIExtractor
    return theirs, ours


def features(levels=4):
    random = torch.Generator().manual_seed(0)
    sides = [96, 48, 24, 12][:levels]
    return [torch.randn(2, 3, side, side, generator=random) for side in sides]


def drawn(count, least, most):
    random = torch.Generator().manual_seed(count)
    corner = torch.rand(count, 2, generator=random) * 60
    sides = least + torch.rand(count, 2, generator=random) * (most - least)
    image = torch.randint(0, 2, (count, 1), generator=random)
    return torch.cat([image, corner, corner + sides], dim=1)


def answer(extractor, rois):
    maps = [part.requires_grad_() for part in features(len(extractor.roi_layers))]
    found = extractor(maps, rois)
    if found.requires_grad:
        (found * torch.arange(found.numel()).view_as(found)).sum().backward()
    return found, [torch.zeros_like(part) if part.grad is None else part.grad for part in maps]


ROIS = [
    pytest.param(drawn(60, 10, 900), id="all levels"),
    pytest.param(drawn(20, 10, 60), id="the first alone"),
    pytest.param(drawn(20, 230, 400), id="the third alone"),
    pytest.param(drawn(30, 20, 220), id="two levels"),
    pytest.param(drawn(1, 10, 20), id="one RoI"),
    pytest.param(drawn(0, 10, 20), id="none"),
]


@pytest.mark.parametrize("rois", ROIS)
def test_features_and_gradients_are_mmdets(rois):
    """Of as many samples as a RoI has pixels, which are mmcv's operator's in both."""
    theirs, ours = extractors()
    (wanted, gradients), (found, own) = answer(theirs, rois), answer(ours, rois)
    assert torch.equal(found, wanted)
    assert all(map(torch.equal, own, gradients))


@pytest.mark.parametrize("strides", [(4, 8, 16, 32), (4,)])
@pytest.mark.parametrize("rois", ROIS)
def test_products_give_mmdets_within_rounding(rois, strides):
    theirs, ours = extractors(ratio=2, strides=strides)
    (wanted, gradients), (found, own) = answer(theirs, rois), answer(ours, rois)
    torch.testing.assert_close(found, wanted, rtol=0, atol=3e-5)
    for one, other in zip(own, gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5 * float(other.abs().max()))


@pytest.mark.parametrize("ratio", [0, 1])
def test_boxes_that_are_no_numbers_go_mmdets_way(ratio):
    rois = drawn(5, 10, 60)
    rois[2, 3] = torch.nan
    theirs, ours = extractors(ratio=ratio)
    torch.testing.assert_close(answer(ours, rois)[0], answer(theirs, rois)[0], equal_nan=True)


@pytest.mark.parametrize("ratio", [0, 1])
def test_scaled_rois_go_mmdets_way(ratio):
    theirs, ours = extractors(ratio=ratio)
    rois = drawn(30, 20, 220)
    assert torch.equal(
        ours(features(), rois, roi_scale_factor=1.3), theirs(features(), rois, roi_scale_factor=1.3)
    )
