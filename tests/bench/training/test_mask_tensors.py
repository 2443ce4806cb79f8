"""Masks as one tensor a pass: the same as mmdet's own, however they are loaded."""

import json
import shutil
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate
from PIL import Image

from noisyseg.bench.config.model import load_model
from noisyseg.bench.config.protocol import load_protocol
from noisyseg.bench.training import loop
from noisyseg.bench.training.batched.ground_truth import mask_table
from noisyseg.bench.training.box_heads import put_method
from noisyseg.bench.training.detector import build_detector
from noisyseg.bench.training.loop import train
from noisyseg.bench.training.mask_tensors import collation, masks_apart, preprocessed
from noisyseg.bench.training.run_dataset import train_dataset
from noisyseg.bench.training.train_loader import train_loader
from noisyseg.bench.training.training import Training
from noisyseg.methods.registry import resolve

CPU = torch.device("cpu")
SIZES = [(40, 61), (64, 35), (50, 51), (33, 64), (61, 40)]  # height, width
OBJECTS = [3, 1, 2, 1, 4]
IMAGE = {**load_protocol("smoke", where="")["image"], "scale": [96, 96], "min_size": 0}


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """Makes a data set of images of several sizes, with a crowd in the first."""
    folder = tmp_path_factory.mktemp("images")
    generator = np.random.default_rng(2)
    listed, annotations = [], []
    for number, ((height, width), count) in enumerate(zip(SIZES, OBJECTS, strict=True), 1):
        pixels = generator.integers(0, 256, (height, width, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
        size = {"width": width, "height": height}
        listed.append({"id": number, "file_name": f"{number}.png", **size})
        for place in range(count + (number == 1)):
            x, y = 2 + 5 * place, 3 + 4 * place
            outline = {"segmentation": [[x, y, x + 14, y, x + 14, y + 11, x, y + 17]]}
            box = {"bbox": [x, y, 14, 17], "area": 190, "iscrowd": int(place == count)}
            identity = {"id": 10 * number + place, "image_id": number, "category_id": 1}
            annotations.append({**identity, **box, **outline})
    categories = [{"id": 1, "name": "wolf"}]
    path = folder / "instances.json"
    document = {"images": listed, "annotations": annotations, "categories": categories}
    path.write_text(json.dumps(document))
    return partial(train_dataset, path, folder, classes=["wolf"], image=IMAGE, train_seed=4)


def batches(images, detector, *, workers, collate):
    """Three epochs, as the losses are given them: what is in each image, and the masks' table."""
    dataset, found = images(), []
    loader = train_loader(dataset, batch_size=3, workers=workers, collate=collate)
    for epoch in range(3):
        dataset.epoch = epoch
        for batch in loader:
            data = preprocessed(detector, batch)
            samples = data["data_samples"]
            masks = mask_table(samples, CPU)
            assert masks.dtype == torch.uint8
            assert masks.shape[1:] == data["inputs"].shape[2:]
            found.append([data["inputs"].tolist(), masks.tolist(), *map(plain, samples)])
    return found


def plain(sample):
    objects, crowds = sample.gt_instances, sample.ignored_instances
    names = sorted(set(objects.keys()) - {"masks"})
    values = [objects[name].tolist() for name in names]
    return [sample.img_id, names, values, crowds.bboxes.tolist(), sample.batch_input_shape]


def test_they_are_the_masks_that_mmdet_pads_and_whoever_loads_them(images, tiny):
    detector = tiny(num_classes=1)
    expected = batches(images, detector, workers=0, collate=pseudo_collate)
    assert sum(len(masks) for _, masks, *_ in expected) == 3 * sum(OBJECTS)
    assert all(any(map(any, mask)) for _, masks, *_ in expected for mask in masks)
    for workers in (0, 2):
        found = batches(images, detector, workers=workers, collate=collation(detector))
        assert found == expected


def test_a_batch_from_a_loaders_process_has_its_masks_in_one_shared_tensor(images, tiny):
    """As the loader pins it: tensors of the batch itself, not those within mmdet's samples."""
    detector = tiny(num_classes=1)
    loader = train_loader(images(), batch_size=5, workers=1, collate=collation(detector))
    (batch,) = loader
    assert batch["masks"].is_shared()
    assert batch["masks"].shape == (sum(OBJECTS), 96, 96)
    for sample in batch["data_samples"]:
        assert "masks" not in sample.gt_instances
        assert "masks" not in sample.ignored_instances


def test_what_the_data_set_remembers_keeps_its_masks(images):
    dataset = images()
    first, again = (masks_apart([dataset[0], dataset[1]], divisor=32) for _ in range(2))
    assert first["masks"].any()
    assert torch.equal(first["masks"], again["masks"])


def test_masks_smaller_than_the_batch_are_padded_where_they_are_used(images, tiny):
    detector, dataset = tiny(num_classes=1), images()
    whole = mask_table(
        preprocessed(detector, masks_apart([dataset[0], dataset[1]], divisor=32))["data_samples"],
        CPU,
    )
    data = detector.data_preprocessor(pseudo_collate([dataset[0], dataset[1]]), training=True)
    for sample in data["data_samples"]:
        height, width = sample.img_shape
        bitmaps = sample.gt_instances.masks.to_ndarray()[:, :height, :width]
        sample.gt_instances.masks = torch.from_numpy(bitmaps)
    assert torch.equal(mask_table(data["data_samples"], CPU), whole)


def test_they_reach_as_far_as_the_padded_images(images):
    sample = images()[0]
    assert sample["inputs"].shape == (3, 63, 96)
    assert masks_apart([sample], divisor=32)["masks"].shape == (3, 64, 96)


# Which detectors


def changed(name="mask-rcnn-tiny", **preprocessor):
    config = load_model(name, where="", root=Path(), random_weights=True).detector
    config = {**config, "data_preprocessor": {**config["data_preprocessor"], **preprocessor}}
    return build_detector(config, num_classes=1, seed=0, weights=None)


@pytest.mark.parametrize(
    ("detector", "apart"),
    [
        (changed, True),
        (lambda: changed("mask-rcnn-r50-fpn"), True),
        (lambda: changed("cascade-mask-rcnn-r50-fpn"), False),
        (lambda: changed(mask_pad_value=1), False),
        (lambda: changed(pad_mask=False), False),
        (lambda: changed(batch_augments=[{"type": "BatchFixedSizePad", "size": [96, 96]}]), False),
    ],
)
def test_masks_lie_apart_only_where_the_batched_head_alone_asks_for_them(detector, apart):
    assert (collation(detector()) is not pseudo_collate) == apart


def test_image_by_image_masks_stay_mmdets(tiny):
    assert collation(tiny(batched=False)) is pseudo_collate


def test_the_preprocessor_does_not_wait_for_its_copies(tiny):
    assert tiny().data_preprocessor._non_blocking


# Training


def trained(images, tiny, folder, *, workers):
    """The weights after two epochs, and the log."""
    protocol = {**load_protocol("smoke", where=""), "epochs": 2, "batch_size": 3, "micro_batch": 3}
    detector, log = tiny(num_classes=1), []
    training = Training(
        key="k",
        detector=detector,
        class_losses=put_method(detector, resolve("ce", {}), num_epochs=2),
        dataset=images(),
        protocol=protocol,
        train_seed=4,
        device=CPU,
        checkpoint=folder / str(workers) / "last.pth",
        workers=workers,
    )
    train(training, on_start=lambda _: None, on_epoch=log.append, on_iteration=lambda *_: None)
    for entry in log:
        del entry["seconds"]
    return log, {name: value.tolist() for name, value in detector.state_dict().items()}


def test_a_training_is_bit_for_bit_that_with_mmdets_masks(images, tiny, tmp_path, monkeypatch):
    found = [trained(images, tiny, tmp_path, workers=workers) for workers in (0, 2)]
    monkeypatch.setattr(loop, "collation", lambda _: pseudo_collate)
    shutil.rmtree(tmp_path / "0")
    assert found == [trained(images, tiny, tmp_path, workers=0)] * 2
