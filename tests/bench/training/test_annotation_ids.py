"""Annotation ids from the file to the class loss, through mmdet's own reading and sampling."""

import json
from contextlib import redirect_stdout
from io import StringIO

import numpy as np
import pytest
import torch
from mmdet.datasets import CocoDataset
from mmdet.datasets.transforms import PackDetInputs
from mmengine.dataset import pseudo_collate
from mmengine.registry import DefaultScope
from PIL import Image

from noisyseg.bench.training import annotation_ids
from noisyseg.bench.training.annotation_ids import NO_ANNOTATION, PackAnnotationIds
from noisyseg.bench.training.class_loss import put_method
from noisyseg.bench.training.run_dataset import train_dataset
from noisyseg.methods.cross_entropy import cross_entropy
from noisyseg.methods.method import Method, ResolvedMethod
from noisyseg.methods.registry import resolve

CLASSES = ["cat", "dog"]
CATEGORIES = {"dog": 4, "cat": 9, "bird": 2}
SIZE = 96
BIG = 2**40 + 3
# Image id → (annotation id, class, box, iscrowd), in the file's order. Two cats that overlap much,
# ids out of order, a crowd between others, a class that the run leaves out, one without extent.
OBJECTS = {
    31: [
        (77, "cat", (4, 6, 30, 40), 0),
        (12, "cat", (8, 8, 30, 40), 0),
        (500, "dog", (50, 2, 40, 30), 1),
        (3, "dog", (52, 50, 36, 40), 0),
    ],
    5: [
        (40, "bird", (2, 2, 30, 30), 0),
        (BIG, "dog", (40, 10, 20, 60), 0),
        (8, "cat", (60, 60, 0, 12), 0),
        (9, "cat", (10, 50, 24, 24), 0),
    ],
    7: [],
    6: [(1, "bird", (30, 30, 40, 40), 0)],
    2: [(2, "dog", (1, 1, 90, 90), 0)],
}
KEPT = {number for objects in OBJECTS.values() for number, *_ in objects} - {500, 40, 8, 1}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ids")
    generator = np.random.default_rng(0)
    images, annotations = [], []
    for image, objects in OBJECTS.items():
        pixels = generator.integers(0, 255, (SIZE, SIZE, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{image}.png")
        size = {"width": SIZE, "height": SIZE}
        images.append({"id": image, "file_name": f"{image}.png", **size})
        for number, name, (x, y, w, h), crowd in objects:
            annotations.append(
                {
                    "id": number,
                    "image_id": image,
                    "category_id": CATEGORIES[name],
                    "bbox": [x, y, w, h],
                    "area": float(w * h),
                    "segmentation": [[x, y, x + w, y, x + w, y + h, x, y + h]],
                    "iscrowd": crowd,
                }
            )
    categories = [{"id": number, "name": name} for name, number in CATEGORIES.items()]
    document = {"images": images, "annotations": annotations, "categories": categories}
    (folder / "train.json").write_text(json.dumps(document))
    return folder


def dataset(files, *, flip=0.5, scale=SIZE):
    return train_dataset(
        files / "train.json",
        files,
        classes=CLASSES,
        image={"scale": [scale, scale], "scale_to": None, "flip": flip, "min_size": 1},
        train_seed=0,
    )


def spied_on(detector):
    """Puts in cross entropy that tells what it is given."""
    seen = []

    def spy(logits, labels, ctx):
        seen.append((labels, ctx.annotation_ids))
        return cross_entropy(logits, labels)

    method = Method(name="spy", version=1, definition=spy, paper="", summary="")
    losses = put_method(detector, ResolvedMethod(method=method, parameters={}), num_epochs=1)
    return seen, losses


def forward(detector, losses, items):
    batch = detector.data_preprocessor(pseudo_collate(items), training=True)
    for loss in losses:
        loss.gt_annotation_ids = [s.gt_instances.annotation_ids for s in batch["data_samples"]]
    return batch, detector(**batch, mode="loss")


# From the file to the sample


def test_every_sample_has_the_ids_of_its_boxes(files):
    read = dataset(files, flip=0.0)
    met = set()
    for index in range(len(read)):
        instances = read[index]["data_samples"].gt_instances
        boxes = {n: (x, y, x + w, y + h) for o in OBJECTS.values() for n, _, (x, y, w, h), _ in o}
        names = {number: name for o in OBJECTS.values() for number, name, *_ in o}
        assert instances.annotation_ids.dtype == torch.int64
        ids = instances.annotation_ids.tolist()
        assert instances.bboxes.tensor.tolist() == [list(map(float, boxes[n])) for n in ids]
        order = ["dog", "cat"]  # mmdet's: that of the file's categories
        assert [order[label] for label in instances.labels.tolist()] == [names[n] for n in ids]
        met |= set(ids)
    assert met == KEPT


def test_mmdets_own_reading_is_left_as_it_is(files):
    ours = dataset(files)
    settings = {
        "ann_file": str(files / "train.json"),
        "data_prefix": {"img": str(files)},
        "metainfo": {"classes": tuple(CLASSES)},
        "filter_cfg": {"filter_empty_gt": True, "min_size": 1},
    }
    with DefaultScope.overwrite_default_scope("mmdet"), redirect_stdout(StringIO()):
        theirs = CocoDataset(**settings, pipeline=[])
    assert len(ours) == len(theirs) == 3
    for index in range(len(ours)):
        own, plain = ours.get_data_info(index), theirs.get_data_info(index)
        for instance in own["instances"]:
            assert instance.pop("annotation_id") is not None
        assert own == plain


def test_a_transform_that_drops_objects_is_named():
    results = {
        "instances": [{"annotation_id": 1}, {"annotation_id": 2}],
        "gt_bboxes": np.zeros((1, 4)),
    }
    with pytest.raises(RuntimeError, match="2 annotations, but 1 boxes: a transform that removes"):
        PackAnnotationIds().transform(results)
    assert "gt_annotation_ids" not in PackDetInputs.mapping_table


# From the sample to the loss


@pytest.mark.parametrize("scale", [SIZE, 64])
def test_each_positive_roi_has_the_id_of_the_object_it_is_to_become(
    files, tiny, scale, monkeypatch
):
    """mmdet says, independently of ids, which box each positive RoI is regressed to."""
    sampled = []
    original = annotation_ids.roi_annotation_ids

    def listen(results, ground_truth):
        sampled.append(results)
        return original(results, ground_truth)

    monkeypatch.setattr(annotation_ids, "roi_annotation_ids", listen)
    read = dataset(files, scale=scale)
    detector = tiny(num_classes=len(CLASSES)).train()
    seen, losses = spied_on(detector)
    boxes = {n: (x, y, x + w, y + h) for o in OBJECTS.values() for n, _, (x, y, w, h), _ in o}
    met, flips = set(), set()
    for epoch in range(6):
        read.epoch = epoch
        batch, _ = forward(detector, losses, [read[0], read[1], read[2]])
        labels, ids = seen.pop()
        assert torch.equal(ids == NO_ANNOTATION, labels == len(CLASSES))
        rows = iter(ids.tolist())
        for result, sample in zip(sampled.pop(), batch["data_samples"], strict=True):
            flips.add(sample.flip)
            for target in result.pos_gt_bboxes.tolist():
                number = next(rows)
                met.add(number)
                left, top, right, bottom = (side * scale / SIZE for side in boxes[number])
                if sample.flip:
                    left, right = scale - right, scale - left
                assert target == pytest.approx([left, top, right, bottom], abs=1e-3)
            for _ in range(len(result.neg_priors)):
                assert next(rows) == NO_ANNOTATION
        assert next(rows, None) is None
    assert (met, flips) == (KEPT, {True, False})


def test_boxes_masks_and_the_random_stream_are_mmdets_bit_for_bit(files, tiny):
    read = dataset(files)
    items = [read[0], read[1], read[2]]
    results = []
    for carried in (False, True):
        detector = tiny(num_classes=len(CLASSES)).train()
        losses = put_method(detector, resolve("ce", {}), num_epochs=1) if carried else []
        torch.manual_seed(5)
        _, values = forward(detector, losses, items)
        others = {name: value for name, value in values.items() if name != "loss_cls"}
        results.append((others, torch.get_rng_state()))
    assert {"loss_bbox", "loss_mask", "loss_rpn_cls", "loss_rpn_bbox", "acc"} <= results[0][
        0
    ].keys()
    torch.testing.assert_close(*(found for found, _ in results), rtol=0, atol=0)
    assert torch.equal(*(state for _, state in results))


def test_an_image_without_objects_has_negatives_alone(files, tiny):
    read = dataset(files)
    detector = tiny(num_classes=len(CLASSES)).train()
    seen, losses = spied_on(detector)
    item = read[0]
    item["data_samples"].gt_instances = item["data_samples"].gt_instances[:0]
    forward(detector, losses, [item])
    ((labels, ids),) = seen
    assert (labels == len(CLASSES)).all()
    assert ids.tolist() == [NO_ANNOTATION] * len(labels)


def test_ids_are_those_of_one_batch_and_never_the_next_ones(files, tiny):
    read = dataset(files)
    detector = tiny(num_classes=len(CLASSES)).train()
    seen, losses = spied_on(detector)
    forward(detector, losses, [read[0]])
    for loss in losses:
        loss.gt_annotation_ids = None
    batch = detector.data_preprocessor(pseudo_collate([read[0]]), training=True)
    detector(**batch, mode="loss")
    assert seen[0][1] is not None
    assert seen[1][1] is None


def test_a_head_is_made_to_carry_ids_once(tiny):
    detector = tiny()
    put_method(detector, resolve("ce", {}), num_epochs=1)
    kind = type(detector.roi_head.bbox_head)
    assert kind.__name__ == "Shared2FCBBoxHead"
    put_method(detector, resolve("ce", {}), num_epochs=1)
    assert type(detector.roi_head.bbox_head) is kind
