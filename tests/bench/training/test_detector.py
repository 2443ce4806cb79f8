import os
from pathlib import Path

import mmdet
import pytest
import torch
import torchvision
from mmengine.config import Config

from noisyseg.bench.config.model import load_model
from noisyseg.bench.config.shipped import shipped_path
from noisyseg.bench.training.detector import build_detector, load_backbone
from noisyseg.errors import InputError
from noisyseg.located_yaml import plain, read_yaml

MMDET_R50 = Path(mmdet.__file__).parent / ".mim/configs/_base_/models/mask-rcnn_r50_fpn.py"
SHIPPED = Path(__file__).parents[3] / "bench" / "datasets" / "shipped"
IMAGENET = SHIPPED / "mobilenetv2" / "mobilenetv2_imagenet.pth"

# Where the paper's model differs from mmdet's file, on purpose: classes and class loss are filled
# in per run, and weights are a file that the user has, never a download.
INTENDED = {
    "roi_head.bbox_head.num_classes": 80,
    "roi_head.mask_head.num_classes": 80,
    "roi_head.bbox_head.loss_cls.type": "CrossEntropyLoss",
    "roi_head.bbox_head.loss_cls.use_sigmoid": False,
    "roi_head.bbox_head.loss_cls.loss_weight": 1.0,
    "backbone.init_cfg.type": "Pretrained",
    "backbone.init_cfg.checkpoint": "torchvision://resnet50",
}


class Harmful:
    """An object whose unpickling makes a folder."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


def leaves(value, path=""):
    """Every scalar and every list in nested mappings, by its dotted path."""
    if isinstance(value, dict):
        found = {}
        for key, entry in value.items():
            found |= leaves(entry, f"{path}.{key}" if path else key)
        return found
    return {path: list(value) if isinstance(value, tuple) else value}


def test_the_papers_model_is_mmdets_key_by_key():
    ours = leaves(plain(read_yaml(shipped_path("model", "mask-rcnn-r50-fpn"))["detector"]))
    theirs = leaves(Config.fromfile(MMDET_R50).model.to_dict())
    assert len(theirs) > 90
    assert {key: theirs.pop(key) for key in INTENDED} == INTENDED
    assert ours == theirs


def test_a_seed_gives_the_same_weights_whatever_came_before(tiny):
    first = tiny(seed=5).state_dict()
    torch.rand(7)
    other = tiny(seed=6).state_dict()
    again = tiny(seed=5).state_dict()
    torch.testing.assert_close(dict(first), dict(again), rtol=0, atol=0)
    # Some start from constants (biases, BatchNorm); what is drawn differs.
    drawn = [name for name in first if name.endswith("weight") and first[name].dim() > 1]
    assert len(drawn) > 20
    assert all(not torch.equal(first[name], other[name]) for name in drawn)


def test_the_heads_have_the_runs_number_of_classes(tiny):
    head = tiny(num_classes=3).roi_head
    assert head.bbox_head.fc_cls.out_features == 3 + 1
    assert head.bbox_head.fc_reg.out_features == 3 * 4
    assert head.mask_head.conv_logits.out_channels == 3


def test_the_configuration_is_left_as_it_was():
    detector = load_model("mask-rcnn-tiny", where="", root=Path()).detector
    build_detector(detector, num_classes=2, seed=0, weights=None)
    assert detector == load_model("mask-rcnn-tiny", where="", root=Path()).detector


# Weights from a file


@pytest.fixture
def backbone_state(tiny):
    """Another backbone's state, without BatchNorm's counters, as older files lack them."""
    state = tiny(seed=99).backbone.state_dict()
    return {name: value for name, value in state.items() if "num_batches" not in name}


def assert_holds(backbone, expected):
    state = backbone.state_dict()
    torch.testing.assert_close({name: state[name] for name in expected}, expected, rtol=0, atol=0)


@pytest.mark.parametrize("nested", [False, True])
def test_weights_of_a_file_replace_the_backbones_alone(tmp_path, tiny, backbone_state, nested):
    path = tmp_path / "weights.pth"
    content = {**backbone_state, "fc.weight": torch.ones(10, 4), "fc.bias": torch.ones(10)}
    torch.save({"state_dict": content, "meta": {"epoch": 3}} if nested else content, path)
    loaded, plainly = tiny(seed=1, weights=path), tiny(seed=1)
    assert_holds(loaded.backbone, backbone_state)
    for part in ("neck", "rpn_head", "roi_head"):
        assert_holds(getattr(loaded, part), dict(getattr(plainly, part).state_dict()))


def test_a_missing_tensor_one_of_another_shape_and_one_that_is_none_are_named(
    tmp_path, tiny, backbone_state
):
    path, backbone = tmp_path / "weights.pth", tiny().backbone
    name = "layer1.0.conv1.weight"
    wrong = {
        "missing": {key: value for key, value in backbone_state.items() if key != name},
        "shape": {**backbone_state, name: backbone_state[name][:1]},
        "kind": {**backbone_state, name: [1.0, 2.0]},
    }
    for state in wrong.values():
        torch.save(state, path)
        with pytest.raises(InputError, match=rf"{name}.*ResNet") as caught:
            load_backbone(backbone, path)
        count = len(backbone_state)
        assert f"{count - 1} of the backbone's {count} tensors" in str(caught.value)


def test_a_harmful_file_is_refused_and_not_run(tmp_path, tiny, backbone_state):
    path, folder = tmp_path / "weights.pth", tmp_path / "made"
    torch.save({**backbone_state, "conv1.weight": Harmful(folder)}, path)
    with pytest.raises(InputError, match=r"weights\.pth cannot be read as weights"):
        load_backbone(tiny().backbone, path)
    assert not folder.exists()
    torch.load(path, weights_only=False)
    assert folder.is_dir()  # it would have run


def test_files_that_hold_no_weights_are_refused(tmp_path, tiny, backbone_state):
    path, backbone = tmp_path / "weights.pth", tiny().backbone
    with pytest.raises(InputError, match="no weights file"):
        load_backbone(backbone, path)
    torch.save(backbone_state, path)
    whole = path.read_bytes()
    for content in (
        b"",
        b"<!DOCTYPE html><html>not found</html>",
        whole[: len(whole) // 2],
        whole[:40],
    ):
        path.write_bytes(content)
        with pytest.raises(InputError, match="cannot be read as weights"):
            load_backbone(backbone, path)
    for value in ([1, 2], torch.ones(3), {"state_dict": [1]}, {}):
        torch.save(value, path)
        with pytest.raises(InputError, match="holds 0 of the backbone's"):
            load_backbone(backbone, path)
    with pytest.raises(InputError, match="cannot be read as weights"):
        load_backbone(backbone, tmp_path)


# The frozen model


@pytest.fixture
def build(read):
    """Builds a shipped model for 3 classes, from weights of its own or of a file."""

    def make(name, weights="none", root=Path()):
        source = read(f"{{extends: {name}, weights: {weights}}}")
        model = load_model(source, where="", root=root)
        return build_detector(model.detector, num_classes=3, seed=0, weights=model.weights)

    return make


def test_the_frozen_backbone_has_nothing_to_train(build):
    detector = build("mask-rcnn-mobilenetv2")
    for moment in (lambda: None, detector.train):
        moment()
        assert not [n for n, p in detector.backbone.named_parameters() if p.requires_grad]
        for part in (detector.neck, detector.rpn_head, detector.roi_head):
            assert all(parameter.requires_grad for parameter in part.parameters())
    norms = [m for m in detector.backbone.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    assert norms
    assert not any(norm.training for norm in norms)


def test_the_paper_model_trains_all_but_its_stem_and_first_stage(build):
    backbone = build("mask-rcnn-r50-fpn").train().backbone
    frozen = {n.split(".")[0] for n, p in backbone.named_parameters() if not p.requires_grad}
    trained = {n.split(".")[0] for n, p in backbone.named_parameters() if p.requires_grad}
    assert frozen == {"conv1", "bn1", "layer1"}
    assert trained == {"layer2", "layer3", "layer4"}


def test_torchvisions_resnet50_fills_every_tensor_of_the_papers_backbone(build, tmp_path):
    """The file also holds a classifier, which no detector has."""
    file = torchvision.models.resnet50(weights=None).state_dict()
    assert {"fc.weight", "fc.bias"} < file.keys()
    torch.save(file, tmp_path / "resnet50.pth")
    for name in ("mask-rcnn-r50-fpn", "mask-rcnn-r50-fpn-legacy"):
        backbone = build(name, "resnet50.pth", tmp_path).backbone
        own = {n for n in backbone.state_dict() if not n.endswith("num_batches_tracked")}
        assert own == {n for n in file if not n.endswith("num_batches_tracked")} - {
            *("fc.weight", "fc.bias")
        }
        assert_holds(backbone, {n: file[n] for n in own})


def test_imagenet_weights_fill_every_tensor_of_the_frozen_backbone(build):
    backbone = build("mask-rcnn-mobilenetv2", IMAGENET.name, IMAGENET.parent).backbone
    file = torch.load(IMAGENET, weights_only=True)
    file = file.get("state_dict", file)
    own = {n for n in backbone.state_dict() if not n.endswith("num_batches_tracked")}
    assert own <= file.keys()
    assert_holds(backbone, {name: file[name] for name in own})
