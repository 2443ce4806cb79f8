import pytest
import torch
import torchvision  # noqa: F401 (registers the operators)

from noisyseg.bench.training.roi_align_gradient import Bins, pays, roi_align_gradient

QUICK = Bins(height=7, width=7, scale=0.25, sampling_ratio=1, aligned=True)


def torchvisions(gradient, rois, map_size, bins):
    return torch.ops.torchvision._roi_align_backward(
        *(gradient, rois, bins.scale, bins.height, bins.width, *map_size),
        *(bins.sampling_ratio, bins.aligned),
    )


@pytest.mark.parametrize("aligned", [True, False])
@pytest.mark.parametrize("ratio", [1, 2, 3])
@pytest.mark.parametrize("size", [(24, 24), (3, 17), (1, 1)])
def test_the_gradient_is_torchvisions(size, ratio, aligned):
    """Boxes in, across and out of the map, points and boxes turned over among them."""
    random = torch.Generator().manual_seed(ratio)
    bins = Bins(height=5, width=7, scale=0.25, sampling_ratio=ratio, aligned=aligned)
    corner = torch.rand(200, 2, generator=random) * 200 - 60
    sides = torch.rand(200, 2, generator=random) * 80 - 10
    image = torch.randint(0, 3, (200, 1), generator=random)  # in no order
    rois = torch.cat([image, corner, corner + sides], dim=1)
    gradient = torch.randn(200, 4, 5, 7, generator=random, dtype=torch.float64)
    wanted = torchvisions(gradient, rois.double(), (3, 4, *size), bins)
    found = roi_align_gradient(gradient, rois.double(), (3, 4, *size), bins)
    assert wanted.abs().max() > 0.1
    torch.testing.assert_close(found, wanted, rtol=1e-9, atol=1e-9)


def test_single_precision_agrees_within_its_rounding():
    random = torch.Generator().manual_seed(0)
    corner = torch.rand(128, 2, generator=random) * 60
    image = torch.arange(4).repeat_interleave(32)[:, None]
    rois = torch.cat([image, corner, corner + torch.rand(128, 2, generator=random) * 40], dim=1)
    gradient = torch.randn(128, 24, 7, 7, generator=random)
    wanted = torchvisions(gradient, rois, (4, 24, 24, 24), QUICK)
    found = roi_align_gradient(gradient, rois, (4, 24, 24, 24), QUICK)
    assert (found - wanted).abs().max() < 4e-6 * wanted.abs().max()


def test_an_image_without_rois_has_no_gradient():
    rois = torch.tensor([[2.0, 4.0, 4.0, 40.0, 40.0]])
    found = roi_align_gradient(torch.ones(1, 2, 7, 7), rois, (4, 2, 24, 24), QUICK)
    assert found[[0, 1, 3]].eq(0).all()
    # Every bin's weights sum to 1.
    torch.testing.assert_close(found[2].sum((1, 2)), torch.full((2,), 49.0))


def test_products_are_for_small_maps_on_a_cpu():
    gradient = torch.ones(8, 2, 7, 7)
    assert pays(gradient, (1, 2, 24, 24), QUICK)
    assert not pays(gradient, (1, 2, 200, 304), QUICK)  # of 1216 × 800 pixels
    assert not pays(gradient.to("meta"), (1, 2, 24, 24), QUICK)
    assert not pays(gradient[:0], (1, 2, 24, 24), QUICK)


def test_samples_whose_number_depends_on_the_roi_are_left_to_torchvision():
    bins = Bins(height=7, width=7, scale=0.25, sampling_ratio=0, aligned=True)
    assert not pays(torch.ones(8, 2, 7, 7), (1, 2, 24, 24), bins)


def test_mmcvs_operator_gives_it(monkeypatch):
    """What `mmcv.ops.roi_align` gives on a small map is torchvision's gradient, added."""
    from noisyseg.bench.training import mmcv_operators

    called = []
    real = mmcv_operators.roi_align_gradient
    monkeypatch.setattr(
        mmcv_operators, "roi_align_gradient", lambda *a: called.append(1) or real(*a)
    )
    rois = torch.tensor([[0.0, 4.0, 4.0, 60.0, 50.0], [0.0, 1.0, 9.0, 30.0, 80.0]])
    gradient = torch.randn(2, 3, 7, 7)
    total = torch.full((1, 3, 24, 24), 2.0)
    empty = gradient.new_zeros(0)
    mmcv_operators.roi_align_backward(gradient, rois, empty, empty, total, 7, 7, 0.25, 1, 1, True)
    assert called
    wanted = 2 + torchvisions(gradient, rois, (1, 3, 24, 24), QUICK)
    torch.testing.assert_close(total, wanted)
