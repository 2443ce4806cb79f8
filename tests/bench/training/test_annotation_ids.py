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
from mmengine.structures import InstanceData
from PIL import Image

from noisyseg.bench.training.annotation_ids import NO_ANNOTATION, PackAnnotationIds
from noisyseg.bench.training.box_heads import put_method
from noisyseg.bench.training.run_dataset import train_dataset
from noisyseg.methods.losses.cross_entropy import cross_entropy
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
ORDER = ["dog", "cat"]  # mmdet's: that of the file's categories
NAMES = {number: name for objects in OBJECTS.values() for number, name, *_ in objects}
BOXES = {
    number: (x, y, x + w, y + h)
    for objects in OBJECTS.values()
    for number, _, (x, y, w, h), _ in objects
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


def listened_to(head):
    """Fills a list with what a head makes its targets from, and with them."""
    told = []
    original = head.get_targets

    def listen(sampling_results, *args, **kwargs):
        targets = original(sampling_results, *args, **kwargs)
        told.append((sampling_results, targets))
        return targets

    head.get_targets = listen
    return told


def propose_near_objects(detector):
    """Adds boxes around objects and crowds to the proposals.

    Of a fresh RPN's hardly one overlaps an object: positive would be the objects' own boxes alone.
    """
    original = detector.rpn_head.loss_and_predict
    generator = torch.Generator().manual_seed(8)

    def propose(features, samples, **settings):
        losses, results = original(features, samples, **settings)
        near = []
        for result, sample in zip(results, samples, strict=True):
            objects = torch.cat([sample.gt_instances.bboxes, sample.ignored_instances.bboxes])
            boxes = objects.repeat_interleave(12, dim=0)
            sizes = (boxes[:, 2:] - boxes[:, :2]).repeat(1, 2)
            moves = 0.3 * torch.rand(boxes.shape, generator=generator) - 0.15
            moved = (boxes + sizes * moves).clamp(0, sample.img_shape[0])
            near.append(InstanceData(bboxes=torch.cat([moved, result.bboxes])))
        return losses, near

    detector.rpn_head.loss_and_predict = propose


# From the file to the sample


def test_every_sample_has_the_ids_of_its_boxes(files):
    read = dataset(files, flip=0.0)
    met = set()
    for index in range(len(read)):
        instances = read[index]["data_samples"].gt_instances
        assert instances.annotation_ids.dtype == torch.int64
        ids = instances.annotation_ids.tolist()
        assert instances.bboxes.tensor.tolist() == [list(map(float, BOXES[n])) for n in ids]
        assert [ORDER[label] for label in instances.labels.tolist()] == [NAMES[n] for n in ids]
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


# From the sample to the loss, image by image as mmdet goes; a pass at once is compared with this


@pytest.mark.parametrize("scale", [SIZE, 64])
def test_each_positive_roi_has_the_id_of_the_object_it_is_to_become(files, tiny, scale):
    """By its regression target, which mmdet makes without knowing of ids."""
    read = dataset(files, scale=scale)
    detector = tiny(num_classes=len(CLASSES), batched=False).train()
    seen, losses = spied_on(detector)
    head = detector.roi_head.bbox_head
    told = listened_to(head)
    propose_near_objects(detector)
    own, apart, flips = set(), set(), set()
    for epoch in range(6):
        read.epoch = epoch
        batch, _ = forward(detector, losses, [read[0], read[1], read[2]])
        (labels, ids), (results, targets) = seen.pop(), told.pop()
        flipped = torch.cat(
            [
                torch.full((len(result.priors),), sample.flip)
                for result, sample in zip(results, batch["data_samples"], strict=True)
            ]
        )
        positive = ids != NO_ANNOTATION
        assert torch.equal(positive, labels < len(CLASSES))
        priors = torch.cat([result.priors for result in results])
        aims = head.bbox_coder.decode(priors[positive], targets[2][positive])
        numbers = ids[positive].tolist()
        for number, aim, flip in zip(numbers, aims.tolist(), flipped[positive], strict=True):
            left, top, right, bottom = (side * scale / SIZE for side in BOXES[number])
            if flip:
                left, right = scale - right, scale - left
            assert aim == pytest.approx([left, top, right, bottom], abs=1e-2)
        assert [ORDER[label] for label in labels[positive].tolist()] == [NAMES[n] for n in numbers]
        is_box_of_object = torch.cat([result.pos_is_gt for result in results]).bool()
        own |= set(ids[positive][is_box_of_object].tolist())
        apart |= set(ids[positive][~is_box_of_object].tolist())
        flips |= set(flipped.tolist())
    assert (apart, flips) == (KEPT, {True, False})
    assert own  # objects' own boxes, which the sampler has added to the proposals


def test_boxes_masks_targets_and_the_random_stream_are_mmdets_bit_for_bit(files, tiny):
    read = dataset(files)
    items = [read[0], read[1], read[2]]
    found = []
    for carried in (False, True):
        detector = tiny(num_classes=len(CLASSES), batched=False).train()
        losses = put_method(detector, resolve("ce", {}), num_epochs=1) if carried else []
        heads = detector.roi_head
        told = [listened_to(head) for head in (heads.bbox_head, heads.mask_head)]
        propose_near_objects(detector)
        torch.manual_seed(5)
        _, values = forward(detector, losses, items)
        others = {name: value for name, value in values.items() if name != "loss_cls"}
        ((results, boxes),), ((_, masks),) = told
        priors = [result.priors for result in results]
        found.append((others, boxes, masks, priors, torch.get_rng_state()))
    values, boxes, masks, *_ = found[0]
    assert {"loss_bbox", "loss_mask", "loss_rpn_cls", "loss_rpn_bbox", "acc"} <= values.keys()
    assert len(boxes) == 4  # labels and boxes, each with weights
    assert boxes[2].any(dim=1).sum() > 5  # boxes of RoIs that are no object's own, with deltas of 0
    assert len(masks) == (boxes[0] < len(CLASSES)).sum()
    torch.testing.assert_close(*found, rtol=0, atol=0)


@pytest.mark.parametrize("places", [[None], [0, None, 2], [None, 1]])
def test_an_image_without_objects_has_negatives_alone(files, tiny, places):
    read = dataset(files, flip=0.0)
    detector = tiny(num_classes=len(CLASSES), batched=False).train()
    seen, losses = spied_on(detector)
    told = listened_to(detector.roi_head.bbox_head)
    propose_near_objects(detector)
    items = [read[place or 0] for place in places]
    for item, place in zip(items, places, strict=True):
        if place is None:
            item["data_samples"].gt_instances = item["data_samples"].gt_instances[:0]
    forward(detector, losses, items)
    (((labels, ids),), ((results, _),)) = seen, told
    assert torch.equal(ids == NO_ANNOTATION, labels == len(CLASSES))
    of_images = ids.split([len(result.priors) for result in results])
    for found, item in zip(of_images, items, strict=True):
        own = set(item["data_samples"].gt_instances.annotation_ids.tolist())
        assert set(found.tolist()) == own | {NO_ANNOTATION}


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
