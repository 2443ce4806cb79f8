import pytest
import torch
from mmcv.ops import RoIAlign

from noisyseg.bench.training.batched.sampled_rois import sampled_rois, takes_products

MAPS = [(24, 24), (3, 17), (1, 1)]  # no pyramid: of odd sizes, so that no axis stands for another


def layers(*, ratio=1, aligned=True, size=(5, 7), mode="avg"):
    return [RoIAlign(size, 1 / stride, ratio, mode, aligned) for stride in (4, 8, 16)]


def features(dtype=torch.float64):
    random = torch.Generator().manual_seed(0)
    return [torch.randn(3, 4, *size, generator=random, dtype=dtype) for size in MAPS]


def drawn(count, seed):
    """Boxes in, across and out of the maps, points and boxes turned over among them."""
    random = torch.Generator().manual_seed(seed)
    corner = torch.rand(count, 2, generator=random) * 200 - 60
    sides = torch.rand(count, 2, generator=random) * 80 - 10
    image = torch.randint(0, 3, (count, 1), generator=random)  # in no order
    levels = torch.randint(0, len(MAPS), (count,), generator=random)
    return torch.cat([image, corner, corner + sides], dim=1), levels


def torchvisions(pools, maps, rois, levels):
    """RoI after RoI by torchvision's own loops."""
    found = []
    for roi, level in zip(rois, levels.tolist(), strict=True):
        pool = pools[level]
        found.append(
            torch.ops.torchvision.roi_align(
                *(maps[level], roi[None], pool.spatial_scale, *pool.output_size),
                *(pool.sampling_ratio, pool.aligned),
            )
        )
    return torch.cat(found)


@pytest.mark.parametrize("aligned", [True, False])
@pytest.mark.parametrize("ratio", [1, 2, 3])
def test_features_and_gradients_are_torchvisions(ratio, aligned):
    pools = layers(ratio=ratio, aligned=aligned)
    rois, levels = drawn(200, ratio)
    rois = rois.double()
    answers = []
    for way in (torchvisions, sampled_rois):
        maps = [part.requires_grad_() for part in features()]
        found = way(pools, maps, rois, levels)
        weights = torch.sin(torch.arange(found.numel(), dtype=found.dtype)).view(found.shape)
        (found * weights).sum().backward()
        answers.append([found.detach(), *(part.grad for part in maps)])
    assert answers[0][0].abs().max() > 1
    for wanted, found in zip(*answers, strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-9, atol=1e-9)


def test_the_gradient_is_the_one_by_finite_differences():
    """Along directions drawn at random: one by one, the maps' numbers would take ten seconds."""
    pools, (rois, levels) = layers(ratio=2), drawn(8, 0)
    maps = [part.requires_grad_() for part in features()]
    assert torch.autograd.gradcheck(
        lambda *parts: sampled_rois(pools, parts, rois.double(), levels), maps, fast_mode=True
    )


def test_single_precision_agrees_within_its_rounding():
    pools, (rois, levels) = layers(size=(7, 7)), drawn(128, 3)
    maps = features(torch.float32)
    wanted = torchvisions(pools, maps, rois, levels)
    found = sampled_rois(pools, maps, rois, levels)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, wanted, rtol=0, atol=2e-5)


def test_maps_of_the_channels_last_format_give_the_same_bits():
    pools, (rois, levels) = layers(), drawn(50, 4)
    plain = features(torch.float32)
    last = [part.contiguous(memory_format=torch.channels_last) for part in plain]
    found = sampled_rois(pools, plain, rois, levels)
    assert torch.equal(sampled_rois(pools, last, rois, levels), found)
    assert found.is_contiguous(memory_format=torch.channels_last)


def test_endless_boxes_and_boxes_that_are_no_numbers_read_nothing_outside_of_the_maps():
    """A pixel's number that is out of range would read, or write, memory of something else."""
    rois, levels = drawn(6, 5)
    rois[0, 3], rois[1, 1], rois[2, 2], rois[3, 4] = torch.inf, -torch.inf, torch.nan, 3e38
    maps = [part.requires_grad_() for part in features(torch.float32)]
    found = sampled_rois(layers(), maps, rois, levels)
    # Every weight is at most 1, so nothing can exceed the largest pixel.
    assert found.nan_to_num().abs().max() <= max(part.abs().max() for part in maps)
    found.nan_to_num().sum().backward()
    assert all(part.grad.isfinite().all() for part in maps)


@pytest.mark.parametrize(
    ("pools", "parts"),
    [
        pytest.param(layers(ratio=0), features(), id="as many samples as a RoI has pixels"),
        pytest.param(layers(mode="max"), features(), id="max pooling"),
        pytest.param([*layers()[:2], layers(ratio=2)[2]], features(), id="two kinds of layers"),
        pytest.param(layers(), features(torch.bfloat16), id="half precision"),
        pytest.param(layers(), [part.to("meta") for part in features()], id="another device"),
        pytest.param([*layers()[:2], torch.nn.Identity()], features(), id="something else"),
    ],
)
def test_what_is_left_to_mmcv(pools, parts):
    assert takes_products(layers(), features())
    assert not takes_products(pools, parts)
