import json
import random

import numpy as np
import pytest
import torch
from PIL import Image

from noisyseg.bench.datasets.shape_geometry import CLASSES
from noisyseg.bench.training.run_dataset import evaluation_dataset, train_dataset, train_loader

pytestmark = [
    # Loader processes are forked; Python 3.12 warns of that in a process with threads.
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning"),
]
IMAGE = {
    "scale": [64, 64],
    "scale_to": None,
    "test_scale": [64, 64],
    "flip": 0.5,
    "min_size": 1,
}


@pytest.fixture
def make(shapes):
    def dataset(train_seed=3, **image):
        return train_dataset(
            shapes / "annotations" / "instances_train.json",
            shapes / "train",
            classes=CLASSES,
            image={**IMAGE, **image},
            train_seed=train_seed,
        )

    return dataset


def content(sample):
    """What an image and its annotations became, as plain values."""
    truth = sample["data_samples"]
    return {
        "id": truth.img_id,
        "flip": truth.flip,
        "pixels": sample["inputs"].numpy().tobytes(),
        "boxes": truth.gt_instances.bboxes.tensor.tolist(),
        "labels": truth.gt_instances.labels.tolist(),
        "masks": truth.gt_instances.masks.masks.tobytes(),
    }


def epoch_of(dataset, epoch, workers=0):
    dataset.epoch = epoch
    batches = []
    for batch in train_loader(dataset, batch_size=3, workers=workers):
        pairs = zip(batch["inputs"], batch["data_samples"], strict=True)
        batches.append([content({"inputs": i, "data_samples": d}) for i, d in pairs])
    return batches


def test_loader_processes_change_nothing(make):
    for epoch in range(2):
        assert epoch_of(make(), epoch, workers=2) == epoch_of(make(), epoch)


def test_an_epoch_comes_out_the_same_after_any_other_and_from_any_generator_state(make):
    dataset = make()
    second = epoch_of(dataset, 1)
    epoch_of(dataset, 0)
    random.seed(1)
    np.random.seed(2)
    torch.manual_seed(3)
    assert epoch_of(dataset, 1) == second


def test_an_image_is_augmented_the_same_in_whatever_order_it_is_asked_for(make):
    dataset = make()
    forwards = [content(dataset[index]) for index in range(8)]
    backwards = [content(dataset[index]) for index in reversed(range(8))]
    assert backwards == forwards[::-1]


def test_epochs_and_train_seeds_differ_in_order_and_flips(make):
    seen = {}
    for seed in (3, 4):
        for epoch in (0, 1):
            images = [image for batch in epoch_of(make(seed), epoch) for image in batch]
            order = tuple(image["id"] for image in images)
            assert sorted(order) == list(range(1, 9))
            flips = tuple(image["flip"] for image in sorted(images, key=lambda i: i["id"]))
            seen[order, flips] = images
    assert len({order for order, _ in seen}) == len({flips for _, flips in seen}) == 4


def test_about_as_many_images_are_flipped_as_the_protocol_says(make):
    dataset, never, always = make(), make(flip=0.0), make(flip=1.0)
    flips = []
    for epoch in range(40):
        dataset.epoch = epoch
        flips += [dataset[index]["data_samples"].flip for index in range(8)]
    # 320 draws at 0.5: mean 160, standard deviation 8.9.
    assert abs(sum(flips) - 160) < 4 * 8.9
    assert not any(never[index]["data_samples"].flip for index in range(8))
    assert all(always[index]["data_samples"].flip for index in range(8))


def test_a_flip_mirrors_pixels_boxes_and_masks_and_keeps_labels(make):
    plain, flipped = make(flip=0.0)[2], make(flip=1.0)[2]
    assert torch.equal(flipped["inputs"], plain["inputs"].flip(-1))
    before, after = (s["data_samples"].gt_instances for s in (plain, flipped))
    boxes = before.bboxes.tensor
    mirrored = torch.stack([64 - boxes[:, 2], boxes[:, 1], 64 - boxes[:, 0], boxes[:, 3]], dim=1)
    torch.testing.assert_close(after.bboxes.tensor, mirrored)
    assert np.array_equal(after.masks.masks, before.masks.masks[:, :, ::-1])
    assert torch.equal(after.labels, before.labels)


def test_the_last_smaller_batch_is_kept(make):
    dataset = make()
    assert [len(batch) for batch in epoch_of(dataset, 0)] == [3, 3, 2]
    assert len(train_loader(dataset, batch_size=3, workers=0)) == 3


# A file of one's own: ids with gaps, an empty image, an image of another class alone


@pytest.fixture
def folder(tmp_path):
    sides = {10: (40, 60), 20: (40, 60), 30: (40, 60), 40: (20, 60)}
    for number, (height, width) in sides.items():
        Image.new("RGB", (width, height), (number, 0, 200)).save(tmp_path / f"{number}.png")

    def annotation(number, image, category, box):
        x, y, w, h = box
        corners = [x, y, x + w, y, x + w, y + h, x, y + h]
        return {
            **{"id": number, "image_id": image, "category_id": category, "bbox": box},
            **{"segmentation": [corners], "area": w * h, "iscrowd": 0},
        }

    document = {
        "images": [
            {"id": number, "file_name": f"{number}.png", "width": width, "height": height}
            for number, (height, width) in sides.items()
        ],
        # The run's order, which is not the ids'.
        "categories": [{"id": 9, "name": "wolf"}, {"id": 2, "name": "fox"}],
        "annotations": [
            annotation(1, 10, 2, [5, 5, 10, 10]),
            annotation(2, 10, 9, [20, 10, 30, 20]),
            annotation(3, 40, 9, [0, 0, 30, 10]),
        ],
    }
    (tmp_path / "instances.json").write_text(json.dumps(document))
    return tmp_path


def open_both(folder, **image):
    arguments = folder / "instances.json", folder
    options = {"classes": ["wolf", "fox"], "image": {**IMAGE, "flip": 0.0, **image}}
    return train_dataset(*arguments, **options, train_seed=0), evaluation_dataset(
        *arguments, **options
    )


def test_labels_follow_the_runs_order_of_classes(folder):
    training, _ = open_both(folder)
    assert training.metainfo["classes"] == ("wolf", "fox")
    assert training.cat2label == {9: 0, 2: 1}
    assert training[0]["data_samples"].gt_instances.labels.tolist() == [1, 0]


def test_training_leaves_out_images_without_annotations_and_evaluation_keeps_all(folder):
    training, evaluation = open_both(folder)
    ids = [
        [d[index]["data_samples"].img_id for index in range(len(d))] for d in (training, evaluation)
    ]
    assert ids == [[10, 40], [10, 20, 30, 40]]


def test_training_leaves_out_images_with_a_side_below_min_size(folder):
    training, evaluation = open_both(folder, min_size=32)
    assert (len(training), len(evaluation)) == (1, 4)


def test_images_are_fitted_into_the_scale_with_their_boxes(folder):
    training, evaluation = open_both(folder, scale=[120, 120], test_scale=[120, 120])
    sample = training[0]
    assert sample["inputs"].shape == (3, 80, 120)
    assert sample["data_samples"].gt_instances.bboxes.tensor.tolist() == [
        [10, 10, 30, 30],
        [40, 20, 100, 60],
    ]
    assert evaluation[0]["data_samples"].ori_shape == (40, 60)


def test_reading_annotations_prints_nothing(folder, capfd):
    open_both(folder)
    assert capfd.readouterr() == ("", "")
