import pytest
import torch
from mmdet.models.roi_heads.roi_extractors import SingleRoIExtractor

from noisyseg.bench.training.batched.placement import batch_passes


def extractors():
    settings = {
        "roi_layer": {"type": "RoIAlign", "output_size": 7, "sampling_ratio": 1},
        "out_channels": 3,
        "featmap_strides": [4, 8, 16, 32],
    }
    theirs, ours = SingleRoIExtractor(**settings), SingleRoIExtractor(**settings)
    batch_passes(torch.nn.Sequential(ours))
    assert type(ours) is not SingleRoIExtractor
    return theirs, ours


def features():
    random = torch.Generator().manual_seed(0)
    return [torch.randn(2, 3, 96 // n, 96 // n, generator=random) for n in (1, 2, 4, 8)]


def drawn(count, least, most):
    random = torch.Generator().manual_seed(count)
    corner = torch.rand(count, 2, generator=random) * 60
    sides = least + torch.rand(count, 2, generator=random) * (most - least)
    image = torch.randint(0, 2, (count, 1), generator=random)
    return torch.cat([image, corner, corner + sides], dim=1)


def answer(extractor, rois):
    maps = [part.requires_grad_() for part in features()]
    found = extractor(maps, rois)
    if found.requires_grad:
        (found * torch.arange(found.numel()).view_as(found)).sum().backward()
    return found, [torch.zeros_like(part) if part.grad is None else part.grad for part in maps]


@pytest.mark.parametrize(
    "rois",
    [
        pytest.param(drawn(60, 10, 900), id="all levels"),
        pytest.param(drawn(20, 10, 60), id="the first alone"),
        pytest.param(drawn(20, 230, 400), id="the third alone"),
        pytest.param(drawn(30, 20, 220), id="two levels"),
        pytest.param(drawn(1, 10, 20), id="one RoI"),
        pytest.param(drawn(0, 10, 20), id="none"),
    ],
)
def test_features_and_gradients_are_mmdets(rois):
    theirs, ours = extractors()
    (wanted, gradients), (found, own) = answer(theirs, rois), answer(ours, rois)
    assert torch.equal(found, wanted)
    assert all(map(torch.equal, own, gradients))


def test_boxes_that_are_no_numbers_go_mmdets_way():
    rois = drawn(5, 10, 60)
    rois[2, 3] = torch.nan
    theirs, ours = extractors()
    torch.testing.assert_close(answer(ours, rois)[0], answer(theirs, rois)[0], equal_nan=True)


def test_scaled_rois_go_mmdets_way():
    theirs, ours = extractors()
    rois = drawn(30, 20, 220)
    assert torch.equal(
        ours(features(), rois, roi_scale_factor=1.3), theirs(features(), rois, roi_scale_factor=1.3)
    )
