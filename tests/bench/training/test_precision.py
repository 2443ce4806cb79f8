"""What precision and memory order change in a detector's passes, and that nothing of it stays."""

import pytest
import torch
from mmengine.dataset import pseudo_collate

from noisyseg.bench.config.protocol import load_protocol
from noisyseg.bench.datasets.shape_geometry import CLASSES
from noisyseg.bench.training.precision import computing, layers
from noisyseg.bench.training.run_dataset import train_dataset

CPU = torch.device("cpu")
DEFAULT = {}
FLAGS = torch.backends.cudnn, torch.backends.cuda.matmul


@pytest.fixture(scope="module")
def batch(shapes):
    images = train_dataset(
        shapes / "annotations" / "instances_train.json",
        shapes / "train",
        classes=CLASSES,
        image=load_protocol("smoke", where="")["image"],
        train_seed=4,
    )
    return lambda: pseudo_collate([images[index] for index in range(3)])


def losses_of(detector, batch, protocol):
    """Losses and gradients of one pass."""
    torch.manual_seed(3)
    detector.train()
    detector.zero_grad()
    with computing(detector, protocol):
        data = detector.data_preprocessor(batch(), training=True)
        with layers(protocol, CPU):
            total, losses = detector.parse_losses(detector(**data, mode="loss"))
        total.backward()
    return losses, {name: p.grad for name, p in detector.named_parameters() if p.grad is not None}


def flags():
    return [backend.allow_tf32 for backend in FLAGS]


@pytest.mark.parametrize("before", [(True, False), (False, True)])
@pytest.mark.parametrize(
    ("precision", "expected"), [("fp32", [False, False]), ("tf32", [True, False])]
)
def test_tf32_is_as_the_protocol_says_and_afterwards_as_before(tiny, before, precision, expected):
    own = flags()
    try:
        for backend, value in zip(FLAGS, before, strict=True):
            backend.allow_tf32 = value
        with computing(tiny(), {"precision": precision}):
            assert flags() == expected
        assert flags() == list(before)
    finally:
        for backend, value in zip(FLAGS, own, strict=True):
            backend.allow_tf32 = value


def test_bf16_is_in_the_layers_and_neither_in_losses_nor_in_parameters(tiny, batch):
    """8 bits of mantissa in the layers: losses within some per cent, and not the same."""
    plain, _ = losses_of(tiny(), batch, DEFAULT)
    detector, seen = tiny(), {}
    for name, module in detector.named_modules():
        if isinstance(module, torch.nn.Conv2d | torch.nn.Linear):
            module.register_forward_hook(
                lambda m, i, out, name=name: seen.update({name: out.dtype})
            )
    found, gradients = losses_of(detector, batch, {"precision": "bf16"})
    assert set(seen.values()) == {torch.bfloat16}
    for name, loss in found.items():
        assert loss.dtype == torch.float32, name
    assert found["loss"].item() == pytest.approx(plain["loss"].item(), rel=0.05)
    assert found["loss"].item() != plain["loss"].item()
    assert {gradient.dtype for gradient in gradients.values()} == {torch.float32}


def test_boxes_of_the_roi_layers_are_not_rounded_to_bf16(tiny, batch):
    detector, boxes = tiny(), []
    extractor = detector.roi_head.bbox_roi_extractor
    original = extractor.map_roi_levels
    extractor.map_roi_levels = lambda rois, levels: boxes.append(rois) or original(rois, levels)
    losses_of(detector, batch, {"precision": "bf16"})
    assert boxes
    assert all(rois.dtype == torch.float32 for rois in boxes)
    assert any((rois != rois.bfloat16().float()).any() for rois in boxes)


def test_channels_last_reaches_the_layers_and_changes_losses_by_rounding_alone(tiny, batch):
    plain, _ = losses_of(tiny(), batch, DEFAULT)
    detector, seen = tiny(), []
    detector.backbone.conv1.register_forward_hook(
        lambda m, i, out: seen.append(out.is_contiguous(memory_format=torch.channels_last))
    )
    found, _ = losses_of(detector, batch, {"memory_format": "channels-last"})
    assert seen == [True]
    for name, loss in found.items():
        assert loss.item() == pytest.approx(plain[name].item(), rel=1e-4, abs=1e-5), name


def test_afterwards_nothing_of_it_is_left(tiny, batch):
    """Two passes by the same weights on either side of one in bfloat16."""
    detector = tiny()
    before, _ = losses_of(detector, batch, DEFAULT)
    detector.load_state_dict(tiny().state_dict())  # running means have moved
    losses_of(detector, batch, {"precision": "bf16"})
    detector.load_state_dict(tiny().state_dict())
    after, _ = losses_of(detector, batch, DEFAULT)
    assert {name: loss.item() for name, loss in before.items()} == {
        name: loss.item() for name, loss in after.items()
    }
