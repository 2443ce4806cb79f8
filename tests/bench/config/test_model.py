import hashlib

import pytest

from noisyseg.bench.config import weights
from noisyseg.bench.config.model import load_model
from noisyseg.errors import InputError


def sha256(content):
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def load(read, tmp_path):
    def make(text):
        return load_model(read(text), where="suite.yaml, line 3", root=tmp_path)

    return make


def test_a_model_from_scratch_has_no_weights(tmp_path):
    model = load_model("mask-rcnn-tiny", where="", root=tmp_path)
    assert model.weights is None
    assert model.resolved()["weights_sha256"] is None
    assert model.resolved()["detector"] == model.detector
    assert model.detector["type"] == "MaskRCNN"


def test_weights_enter_the_key_by_content_alone(load, tmp_path):
    (tmp_path / "a.pth").write_bytes(b"some weights")
    (tmp_path / "b.pth").write_bytes(b"some weights")
    one = load("extends: mask-rcnn-r50-fpn\nweights: a.pth")
    two = load("extends: mask-rcnn-r50-fpn\nweights: b.pth")
    assert one.weights != two.weights
    assert one.resolved() == two.resolved()
    assert one.resolved()["weights_sha256"] == hashlib.sha256(b"some weights").hexdigest()
    (tmp_path / "b.pth").write_bytes(b"other weights")
    assert one.resolved() != two.resolved()


def test_weights_that_a_model_asks_for_must_be_named(load, tmp_path):
    for text in ("extends: mask-rcnn-mobilenetv2", "extends: mask-rcnn-mobilenetv2\nname: mine"):
        with pytest.raises(InputError) as caught:
            load(text)
        message = str(caught.value)
        assert message.startswith("suite.yaml, line 3: ")
        assert "weights: FILE.pth" in message
        assert "weights: none" in message
    assert load("extends: mask-rcnn-mobilenetv2\nweights: none").weights is None


def test_absent_weights_are_named_with_their_path(load, tmp_path):
    with pytest.raises(InputError) as caught:
        load("extends: mask-rcnn-r50-fpn\nweights: w/gone.pth")
    assert str(caught.value) == (
        f"{tmp_path / 'some.yaml'}, line 2: no weights file at {tmp_path / 'w/gone.pth'}."
    )
    with pytest.raises(InputError, match="weights must be a text"):
        load("extends: mask-rcnn-r50-fpn\nweights: null")


def test_torchvisions_weights_are_looked_for_in_torchs_cache(load, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(weights, "FILES", {"resnet50": f"resnet50-{sha256(b'w')[:8]}.pth"})
    path = tmp_path / "hub" / "checkpoints" / weights.FILES["resnet50"]
    path.parent.mkdir(parents=True)
    path.write_bytes(b"w")
    for name in ("mask-rcnn-r50-fpn", "mask-rcnn-r50-fpn-legacy", "mask-rcnn-r50-fpn-cityscapes"):
        model = load_model(name, where="", root=tmp_path)
        assert model.weights == path
        assert model.resolved()["weights_sha256"] == sha256(b"w")
    assert load("extends: mask-rcnn-tiny\nweights: torchvision://resnet50").weights == path
    with pytest.raises(InputError, match=r"some\.yaml, line 2: unknown weights .*'resnet5'"):
        load("extends: mask-rcnn-tiny\nweights: torchvision://resnet5")


def test_absent_torchvision_weights_are_placed_in_the_model_s_file(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(weights, "BASE_URL", "http://127.0.0.1:1")
    with pytest.raises(InputError, match=r"mask-rcnn-r50-fpn\.yaml, line \d+: cannot download"):
        load_model("mask-rcnn-r50-fpn-legacy", where="", root=tmp_path)
    with pytest.raises(InputError, match=r"line \d+: the weights .* are not there: no file at"):
        load_model("mask-rcnn-r50-fpn", where="", root=tmp_path, download=False)


@pytest.mark.parametrize(
    "source", ["mask-rcnn-r50-fpn", "mask-rcnn-mobilenetv2", "mask-rcnn-r50-fpn-legacy"]
)
def test_random_weights_need_no_file_and_are_null_in_the_key(tmp_path, monkeypatch, source):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    model = load_model(source, where="", root=tmp_path, random_weights=True)
    assert model.weights is None
    assert model.resolved()["weights_sha256"] is None


@pytest.mark.parametrize(
    "part", ["os.system", "mmdet.MaskRCNN", "a b", "''", "3", "[A]", "{x: 1}", "true"]
)
@pytest.mark.parametrize(
    "place",
    [
        "detector: {type: PART}",
        "detector: {backbone: {type: PART}}",
        "detector: {roi_head: {bbox_head: {loss_bbox: {type: PART}}}}",
        "detector: {extra: [{deep: [{type: PART}]}]}",
    ],
)
def test_a_part_is_never_an_import_path(load, tmp_path, part, place):
    with pytest.raises(
        InputError, match=r"some\.yaml, line 2: a part's type must be the plain name"
    ):
        load(f"extends: mask-rcnn-tiny\n{place.replace('PART', part)}")


@pytest.mark.parametrize(
    "place",
    [
        "backbone: {init_cfg: {type: Pretrained, checkpoint: evil.pth}}",
        "backbone: {pretrained: 'torchvision://resnet50'}",
        "extra: [{checkpoint: x.pth}]",
    ],
)
def test_a_part_brings_no_weights_of_its_own(load, place):
    """mmengine unpickles such files, and they would not be in the key."""
    with pytest.raises(InputError, match=r"line 2: a part has no weights of its own"):
        load(f"extends: mask-rcnn-tiny\ndetector: {{{place}}}")


@pytest.mark.parametrize(
    ("roi_head", "key"),
    [
        ("bbox_head: {num_classes: 20}", "num_classes"),
        ("mask_head: {num_classes: 20}", "num_classes"),
        ("bbox_head: {loss_cls: {loss_weight: 2.0}}", "loss_cls"),
        ("bbox_head: [{loss_cls: {loss_weight: 2.0}}]", "loss_cls"),
    ],
)
def test_what_a_run_fills_in_may_not_stand_in_a_model(load, tmp_path, roi_head, key):
    with pytest.raises(InputError, match=f"leave out {key} of the") as caught:
        load(f"extends: mask-rcnn-tiny\ndetector:\n  roi_head:\n    {roi_head}\n")
    assert str(caught.value).startswith(f"{tmp_path / 'some.yaml'}, line 4: ")


def test_the_rpn_keeps_a_class_loss_of_its_own(load):
    text = "extends: mask-rcnn-tiny\ndetector: {rpn_head: {loss_cls: {loss_weight: 2.0}}}"
    assert load(text).detector["rpn_head"]["loss_cls"]["loss_weight"] == 2.0


@pytest.mark.parametrize("value", [".nan", "2024-01-02", "!!binary aGk=", "!!set {a}"])
def test_a_value_that_no_key_can_hold_is_refused_with_its_place(load, value):
    with pytest.raises(InputError, match=r"line 2: a detector holds what JSON cannot"):
        load(f"extends: mask-rcnn-tiny\ndetector: {{extra: {value}}}")


def test_unknown_models_and_keys_get_the_nearest_name(load, tmp_path):
    with pytest.raises(
        InputError, match=r"^here: unknown model 'mask-rcnn-tony'. Did you mean 'mask-rcnn-tiny'"
    ):
        load_model("mask-rcnn-tony", where="here", root=tmp_path)
    with pytest.raises(
        InputError, match=r"line 2: unknown key of a model 'weight'. Did you mean 'weights'"
    ):
        load("extends: mask-rcnn-tiny\nweight: none")
    with pytest.raises(InputError, match=r"line 2: detector must be a mapping"):
        load("extends: mask-rcnn-tiny\ndetector: MaskRCNN")


def test_a_model_changes_what_it_names_alone(load, tmp_path):
    base = load_model("mask-rcnn-tiny", where="", root=tmp_path).detector
    mine = load("extends: mask-rcnn-tiny\nname: mine\ndetector: {neck: {out_channels: 8}}").detector
    assert mine["neck"] == {**base["neck"], "out_channels": 8}
    assert {**mine, "neck": 0} == {**base, "neck": 0}
