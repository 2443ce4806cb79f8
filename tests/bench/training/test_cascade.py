"""Methods in mmdet's Cascade Mask R-CNN: each of its box heads has a class loss of its own."""

import json
from copy import deepcopy
from pathlib import Path

import mmdet
import pytest
import torch
import yaml
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.structures import InstanceData
from torchvision.ops import box_iou

from noisyseg.bench.config.model import load_model
from noisyseg.bench.config.shipped import read_with_base
from noisyseg.bench.config.suite import load_suite
from noisyseg.bench.datasets.shape_geometry import CLASSES
from noisyseg.bench.runs.execution import execute
from noisyseg.bench.runs.grid import expand
from noisyseg.bench.runs.run import Resources
from noisyseg.bench.runs.wrong_labels import wrong_labels
from noisyseg.bench.training import loop
from noisyseg.bench.training.box_heads import put_method
from noisyseg.bench.training.checkpoint import load_checkpoint
from noisyseg.bench.training.detector import build_detector
from noisyseg.bench.training.run_dataset import train_dataset
from noisyseg.methods.losses.cross_entropy import cross_entropy
from noisyseg.methods.method import Method, ResolvedMethod
from noisyseg.methods.registry import resolve
from noisyseg.noise.files.noisy_files import write_noisy
from noisyseg.noise.spec import NoiseSpec, parse_steps
from noisyseg.results.records.record import check_record
from noisyseg.results.records.store import RunStore

# mmdet's, as a cascade's boxes are refined.
pytestmark = pytest.mark.filterwarnings("ignore:To copy construct from a tensor:UserWarning")

NAME = "cascade-mask-rcnn-r50-fpn"
STAGES = 3
MMDETS = Path(mmdet.__file__).parent / ".mim/configs/_base_/models/cascade-mask-rcnn_r50_fpn.py"


def as_lists(value):
    if isinstance(value, dict):
        return {key: as_lists(entry) for key, entry in value.items()}
    return [as_lists(entry) for entry in value] if isinstance(value, list | tuple) else value


def shipped():
    model = load_model(NAME, where="", root=Path(), random_weights=True)
    return deepcopy(model.detector)


def test_the_shipped_model_is_mmdets_but_for_what_a_run_fills_in():
    theirs = as_lists(Config.fromfile(MMDETS).model.to_dict())
    start = theirs["backbone"].pop("init_cfg")
    weights = read_with_base("model", NAME, where="")["weights"]
    assert start == {"type": "Pretrained", "checkpoint": weights}
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


def read_shapes(annotations, shapes):
    return train_dataset(
        annotations,
        shapes / "train",
        classes=CLASSES,
        image={"scale": [64, 64], "scale_to": None, "flip": 0.5, "min_size": 1},
        train_seed=0,
    )


@pytest.fixture(scope="module")
def dataset(shapes):
    return read_shapes(shapes / "annotations" / "instances_train.json", shapes)


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


def propose_near_objects(detector):
    """Adds boxes around the objects to a fresh RPN's, of which hardly one overlaps any."""
    original = detector.rpn_head.loss_and_predict
    generator = torch.Generator().manual_seed(8)

    def propose(features, samples, **settings):
        losses, results = original(features, samples, **settings)
        near = []
        for result, sample in zip(results, samples, strict=True):
            boxes = sample.gt_instances.bboxes.repeat_interleave(24, dim=0)
            sizes = (boxes[:, 2:] - boxes[:, :2]).repeat(1, 2)
            moves = 0.2 * torch.rand(boxes.shape, generator=generator) - 0.1
            moved = (boxes + sizes * moves).clamp(0, sample.img_shape[0])
            near.append(InstanceData(bboxes=torch.cat([moved, result.bboxes])))
        return losses, near

    detector.rpn_head.loss_and_predict = propose


def heard_of(detector):
    """Puts in cross entropy; fills a list, a stage an entry: RoIs, their labels and ids."""
    heard = []

    def spy(logits, labels, ctx):
        heard[-1] += (labels, ctx.annotation_ids)
        return cross_entropy(logits, labels)

    def listen(original):
        def targets(sampling_results, *args, **kwargs):
            heard.append((sampling_results,))
            return original(sampling_results, *args, **kwargs)

        return targets

    method = Method(name="spy", version=1, definition=spy, paper="", summary="")
    losses = put_method(detector, ResolvedMethod(method=method, parameters={}), num_epochs=1)
    for head in detector.roi_head.bbox_head:
        head.get_targets = listen(head.get_targets)
    return heard, losses


def check_boxes(results, ids, samples):
    """Each RoI's id is that of the object that it overlaps best; gives those of moved RoIs."""
    moved = []
    parts = ids.split([len(result.priors) for result in results])
    for result, found, sample in zip(results, parts, samples, strict=True):
        objects = sample.gt_instances
        count = len(result.pos_priors)
        best = box_iou(result.pos_priors, objects.bboxes).argmax(dim=1)
        assert torch.equal(found[:count], objects.annotation_ids[best])
        assert (found[count:] == -1).all()
        moved += found[:count][result.pos_is_gt == 0].tolist()
    return moved


def test_each_stage_knows_the_annotation_of_each_of_its_rois(shapes, tmp_path):
    """By its box in the image, and by its label through the manifest of the noise."""
    clean = shapes / "annotations" / "instances_train.json"
    steps = parse_steps([{"type": "symmetric", "rate": 0.5}], CLASSES, "noise", tmp_path)
    files = write_noisy(clean, tmp_path / "noisy", NoiseSpec(steps=steps, seed=1))
    document = json.loads(clean.read_bytes())
    names = {entry["id"]: entry["name"] for entry in document["categories"]}
    true = {e["id"]: CLASSES.index(names[e["category_id"]]) for e in document["annotations"]}
    wrong = wrong_labels(files.manifest, CLASSES)
    assert 0 < len(wrong) < len(true)
    noisy = read_shapes(files.annotations, shapes)
    detector = built()
    heard, losses = heard_of(detector)
    propose_near_objects(detector)
    moved = [set() for _ in range(STAGES)]
    for first in range(0, len(noisy), 2):
        items = [noisy[first], noisy[first + 1]]
        batch = detector.data_preprocessor(pseudo_collate(items), training=True)
        for loss in losses:
            loss.gt_annotation_ids = [s.gt_instances.annotation_ids for s in batch["data_samples"]]
        heard.clear()
        detector(**batch, mode="loss")
        for stage, (results, labels, ids) in enumerate(heard):
            positive = ids != -1
            assert 0 < positive.sum() < len(ids)
            assert torch.equal(positive, labels < len(CLASSES))
            for number, label in zip(
                ids[positive].tolist(), labels[positive].tolist(), strict=True
            ):
                assert (label != true[number]) == (number in wrong)
            moved[stage] |= set(check_boxes(results, ids, batch["data_samples"]))
        assert len(heard) == STAGES
    assert all(len(numbers) > len(true) / 2 for numbers in moved), "or boxes would prove little"


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
    model = {"extends": NAME, "weights": "none", "detector": small()}
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


@pytest.fixture(autouse=True)
def every_epoch_is_kept(monkeypatch):
    monkeypatch.setattr("noisyseg.bench.training.loop.CHECKPOINT_SECONDS", 0.0)


@pytest.mark.parametrize("method", ["jol", "elr"])
def test_states_of_every_stage_are_resumed(runs, method, monkeypatch):
    planned, store = runs("whole")
    whole = planned[method]
    expected = done(whole, store)
    stopped, store = runs("stopped")
    run = stopped[method]
    save = loop.save_checkpoint

    def stop(*arguments, **options):
        save(*arguments, **options)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(loop, "save_checkpoint", stop)
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
