"""Methods in mmdet's Cascade Mask R-CNN: each of its box heads has a class loss of its own."""

import json
from collections import Counter
from copy import deepcopy
from pathlib import Path

import mmdet
import pytest
import torch
import yaml
from mmengine.config import Config
from mmengine.dataset import pseudo_collate

from noisyseg.bench.datasets.shape_geometry import CLASSES
from noisyseg.bench.execution import Resources, execute
from noisyseg.bench.grid import expand
from noisyseg.bench.model import load_model
from noisyseg.bench.suite import load_suite
from noisyseg.bench.training import loop
from noisyseg.bench.training.checkpoint import load_checkpoint
from noisyseg.bench.training.class_loss import put_method
from noisyseg.bench.training.detector import build_detector
from noisyseg.bench.training.run_dataset import train_dataset
from noisyseg.methods.cross_entropy import cross_entropy
from noisyseg.methods.method import Method, ResolvedMethod
from noisyseg.methods.registry import resolve
from noisyseg.results.record import check_record
from noisyseg.results.store import RunStore

# mmdet's, as a cascade's boxes are refined.
pytestmark = pytest.mark.filterwarnings("ignore:To copy construct from a tensor:UserWarning")

STAGES = 3
MMDETS = Path(mmdet.__file__).parent / ".mim/configs/_base_/models/cascade-mask-rcnn_r50_fpn.py"


def as_lists(value):
    if isinstance(value, dict):
        return {key: as_lists(entry) for key, entry in value.items()}
    return [as_lists(entry) for entry in value] if isinstance(value, list | tuple) else value


def shipped():
    model = load_model("cascade-mask-rcnn-r50-fpn", where="", root=Path(), random_weights=True)
    return deepcopy(model.detector)


def test_the_shipped_model_is_mmdets_but_for_what_a_run_fills_in():
    theirs = as_lists(Config.fromfile(MMDETS).model.to_dict())
    start = theirs["backbone"].pop("init_cfg")
    assert start == {"type": "Pretrained", "checkpoint": "torchvision://resnet50"}
    for head in [*theirs["roi_head"]["bbox_head"], theirs["roi_head"]["mask_head"]]:
        assert head.pop("num_classes") == 80
    for head in theirs["roi_head"]["bbox_head"]:
        loss = {"type": "CrossEntropyLoss", "use_sigmoid": False, "loss_weight": 1.0}
        assert head.pop("loss_cls") == loss
    assert shipped() == theirs
    detector = build_detector(shipped(), num_classes=5, seed=0, weights=None)
    heads = detector.roi_head
    assert [head.fc_cls.out_features for head in heads.bbox_head] == [6] * STAGES
    assert [head.conv_logits.out_channels for head in heads.mask_head] == [5] * STAGES


def small():
    """The cascade's heads and thresholds on the body of `mask-rcnn-tiny`."""
    tiny = deepcopy(load_model("mask-rcnn-tiny", where="", root=Path()).detector)
    cascade = shipped()
    body, heads, training = tiny["roi_head"], cascade["roi_head"], cascade["train_cfg"]["rcnn"]
    sizes = {key: body["bbox_head"][key] for key in ("in_channels", "fc_out_channels")}
    for stage, settings in zip(heads["bbox_head"], training, strict=True):
        stage.update(sizes)
        settings["sampler"]["num"] = 32
        settings["mask_size"] = 14
    rpn = {**tiny["rpn_head"], "loss_bbox": cascade["rpn_head"]["loss_bbox"]}
    for part in ("bbox_roi_extractor", "mask_roi_extractor", "mask_head"):
        heads[part] = body[part]
    return {
        **cascade,
        **{part: tiny[part] for part in ("backbone", "neck")},
        "rpn_head": rpn,
        "train_cfg": {**tiny["train_cfg"], "rcnn": training},
        "test_cfg": tiny["test_cfg"],
    }


@pytest.fixture(scope="module")
def dataset(shapes):
    return train_dataset(
        shapes / "annotations" / "instances_train.json",
        shapes / "train",
        classes=CLASSES,
        image={"scale": [64, 64], "scale_to": None, "flip": 0.5, "min_size": 1},
        train_seed=0,
    )


def built():
    detector = build_detector(small(), num_classes=len(CLASSES), seed=1, weights=None)
    return detector.train()


def test_cross_entropy_put_in_loses_what_mmdets_own_does_in_every_stage(dataset):
    detector = built()
    batch = detector.data_preprocessor(pseudo_collate([dataset[0], dataset[1]]), training=True)

    def losses():
        torch.manual_seed(3)  # mmdet samples its RoIs
        detector.zero_grad()
        total, values = detector.parse_losses(detector(**batch, mode="loss"))
        total.backward()
        gradients = [head.fc_cls.weight.grad.clone() for head in detector.roi_head.bbox_head]
        return {name: value.detach() for name, value in values.items()}, gradients

    expected = losses()
    assert len(put_method(detector, resolve("ce", {}), num_epochs=2)) == STAGES
    found = losses()
    names = {f"s{stage}.{part}" for stage in range(STAGES) for part in ("loss_cls", "loss_bbox")}
    assert names <= expected[0].keys()
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-7)


def test_each_stage_knows_the_annotation_of_each_of_its_rois(dataset):
    """By the label: in a batch whose labels are all of one class each, that is a proof."""
    seen = []

    def spy(logits, labels, ctx):
        seen.append((labels, ctx.annotation_ids))
        return cross_entropy(logits, labels)

    method = Method(name="spy", version=1, definition=spy, paper="", summary="")
    detector = built()
    losses = put_method(detector, ResolvedMethod(method=method, parameters={}), num_epochs=1)
    labels_of = {
        entry["annotation_id"]: entry["bbox_label"]
        for index in range(len(dataset))
        for entry in dataset.get_data_info(index)["instances"]
    }
    for first in range(0, len(dataset), 2):
        items = [dataset[first], dataset[first + 1]]
        batch = detector.data_preprocessor(pseudo_collate(items), training=True)
        for loss in losses:
            loss.gt_annotation_ids = [s.gt_instances.annotation_ids for s in batch["data_samples"]]
        detector(**batch, mode="loss")
    assert len(seen) == STAGES * len(dataset) // 2
    met = Counter()
    for labels, ids in seen:
        assert torch.equal(ids == -1, labels == len(CLASSES))
        positive = ids >= 0
        found = [labels_of[number] for number in ids[positive].tolist()]
        assert found == labels[positive].tolist()
        met.update(ids[positive].tolist())
    assert met.keys() == labels_of.keys()  # each is at least its own proposal, in every stage


SUITE = {
    "name": "cascade",
    "data": {"format": "shapes", "size": 64, "train_images": 6, "val_images": 3},
    "protocol": {"extends": "smoke", "name": "short", "schedule": {"milestones": []}},
    "methods": {
        "ce": None,
        "lncis": None,
        "jol": {"start": 0.5},
        "elr": None,
        "small-loss": None,
        "forward": None,
    },
    "noise": {"sym40": {"type": "symmetric", "rate": 0.4}},
    "seeds": [0],
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Label → run, and a way to execute one in a folder of its own."""
    folder = tmp_path_factory.mktemp("cascade")
    model = {"extends": "cascade-mask-rcnn-r50-fpn", "weights": "none", "detector": small()}
    (folder / "suite.yaml").write_text(yaml.safe_dump({**SUITE, "model": model}))

    def make(name):
        suite = load_suite(str(folder / "suite.yaml"), data_root=None, cache=folder / "cache")
        store = RunStore(folder / name)
        return {run.method_label: run for run in expand(suite, store)}, store

    return make


def done(run, store):
    record = execute(run, store, Resources(threads=1, device="cpu"))
    check_record(record)
    assert record["status"] == "done", record["failure"]
    return record


@pytest.mark.parametrize("method", SUITE["methods"])
def test_a_run_trains_every_stage_and_tells_of_each(runs, method):
    planned, store = runs("whole")
    run = planned[method]
    record = done(run, store)
    assert record["spec"]["model"]["detector"]["type"] == "CascadeRCNN"
    assert record["metrics"]["segm"]["AP"] is not None
    for line in (run.folder / "log.jsonl").read_text().splitlines():
        epoch = json.loads(line)
        assert len(epoch["loss_at_work"]) == STAGES
        assert all(report["noisy"]["rois"] > 0 for report in epoch["loss_at_work"])
        assert all(report["unknown"]["rois"] == 0 for report in epoch["loss_at_work"])
    state = load_checkpoint(run.folder / "checkpoints" / "last.pth", key=run.key)
    assert len(state["methods"]) == STAGES
    assert bool(state["methods"][0]) == (method in ("jol", "elr", "forward"))


@pytest.mark.parametrize("method", ["jol", "elr"])
def test_states_of_every_stage_are_resumed(runs, method, monkeypatch):
    planned, store = runs("whole")
    whole = planned[method]
    expected = done(whole, store)
    stopped, store = runs("stopped")
    run = stopped[method]
    save = loop._save

    def stop(training, optimizer, epoch):
        save(training, optimizer, epoch)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(loop, "_save", stop)
        with pytest.raises(KeyboardInterrupt):
            execute(run, store, Resources(threads=1, device="cpu"))
    record = done(run, store)
    assert record["lineage"] == {"resumed_from_epoch": 1}
    assert record["checksums"]["predictions"] == expected["checksums"]["predictions"]
    states = [
        load_checkpoint(r.folder / "checkpoints" / "last.pth", key=r.key) for r in (run, whole)
    ]
    torch.testing.assert_close(states[0]["methods"], states[1]["methods"], rtol=0, atol=0)
    first, second, third = states[0]["methods"]
    flat = [str(part) for part in (first, second, third)]
    assert len(set(flat)) == STAGES, "each stage has a state of its own"
