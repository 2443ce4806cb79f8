import json
import random

import numpy as np
import pytest
import torch
from PIL import Image

from noisyseg.bench.datasets.shape_geometry import CLASSES
from noisyseg.bench.training.run_dataset import evaluation_dataset, train_dataset
from noisyseg.bench.training.train_loader import batches_from, train_loader

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


@pytest.mark.parametrize("grouped", [False, True])
def test_processes_that_outlive_an_epoch_change_nothing(make, grouped):
    """One loader for three epochs, by no process, one and two, and begun with the second."""

    def epochs(workers, first=0):
        dataset, found = make(**RANGE), []
        loader = train_loader(dataset, batch_size=3, workers=workers, grouped=grouped)
        processes = set()
        for epoch in range(first, 3):
            dataset.epoch = epoch
            pairs = [(b["inputs"], b["data_samples"]) for b in loader]
            found.append(
                [
                    [content({"inputs": i, "data_samples": d}) for i, d in zip(*pair, strict=True)]
                    for pair in pairs
                ]
            )
            if workers:
                processes.add(tuple(worker.pid for worker in loader._iterator._workers))
        assert len(processes) == bool(workers)
        return found

    alone = epochs(0)
    assert alone[0] != alone[1]
    assert epochs(1) == epochs(2) == alone
    assert epochs(2, first=1) == alone[1:]


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


# A range of scales

RANGE = {"scale": [128, 48], "scale_to": [128, 80]}


def sizes_of(dataset, epochs):
    """(epoch, index) → height and width; what belongs to the image must have its size."""
    found = {}
    for epoch in epochs:
        dataset.epoch = epoch
        for index in range(len(dataset)):
            sample = dataset[index]
            size = tuple(sample["inputs"].shape[1:])
            truth = sample["data_samples"]
            assert truth.img_shape == size
            assert truth.gt_instances.masks.masks.shape[1:] == size
            found[epoch, index] = size
    return found


def test_scales_are_drawn_from_the_whole_range_and_from_nothing_else(make):
    found = sizes_of(make(**RANGE), range(40))
    sides = [height for height, width in found.values() if height == width]
    assert len(sides) == 40 * 8  # square as the images are
    # Uniform over 33 sides: a standard deviation of 9.5, of the mean of 320 draws 0.53; all of
    # them miss an end's last two pixels with a probability of 2e-9.
    assert abs(sum(sides) / 320 - 64) < 4 * 0.53
    assert 48 <= min(sides) <= 49
    assert 79 <= max(sides) <= 80


def test_a_scale_depends_on_train_seed_epoch_and_image_alone(make):
    dataset = make(**RANGE)
    found = sizes_of(dataset, (0, 1, 2))
    random.seed(1)
    np.random.seed(2)
    torch.manual_seed(3)
    for epoch, index in reversed(found):
        dataset.epoch = epoch
        assert tuple(dataset[index]["inputs"].shape[1:]) == found[epoch, index]
    other = sizes_of(make(4, **RANGE), (0, 1, 2))
    rows = [
        tuple(sizes[epoch, index] for index in range(8))
        for sizes in (found, other)
        for epoch in (0, 1, 2)
    ]
    assert len(set(rows)) == 6
    assert all(len(set(row)) > 1 for row in rows)


def test_loader_processes_change_no_scale(make):
    assert epoch_of(make(**RANGE), 1, workers=2) == epoch_of(make(**RANGE), 1)


def test_boxes_grow_with_the_scale_drawn(make):
    plain, drawn = make(flip=0.0), make(flip=0.0, **RANGE)
    for index in range(8):
        before, after = plain[index], drawn[index]
        factor = after["inputs"].shape[1] / 64
        torch.testing.assert_close(
            after["data_samples"].gt_instances.bboxes.tensor,
            before["data_samples"].gt_instances.bboxes.tensor * factor,
        )


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


# So many images alone


def open_some(folder, limit):
    arguments = folder / "instances.json", folder
    options = {"classes": ["wolf", "fox"], "image": {**IMAGE, "flip": 0.0}, "limit": limit}
    datasets = (
        train_dataset(*arguments, **options, train_seed=0),
        evaluation_dataset(*arguments, **options),
    )
    return [[d.get_data_info(index)["img_id"] for index in range(len(d))] for d in datasets]


@pytest.mark.parametrize(
    ("limit", "training", "evaluation"),
    [
        (1, [10], [10]),
        (2, [10, 40], [10, 20]),  # 20 and 30 hold nothing to train on
        (3, [10, 40], [10, 20, 30]),
        (100, [10, 40], [10, 20, 30, 40]),
        (None, [10, 40], [10, 20, 30, 40]),
    ],
)
def test_a_limit_takes_the_first_images_of_those_that_are_left(folder, limit, training, evaluation):
    assert open_some(folder, limit) == [training, evaluation]


# Batches of one orientation

UPRIGHT, LYING = set(range(1, 8)), set(range(8, 14))  # 7 and 6 images, the last of them square


@pytest.fixture
def mixed(tmp_path):
    """Makes a training data set of 13 images, upright and lying ones in no order."""
    images, annotations = [], []
    for number in sorted(UPRIGHT | LYING, key=lambda n: n * 5 % 13):
        width, height = (24, 40) if number in UPRIGHT else (40, 40 if number == 13 else 24)
        Image.new("RGB", (width, height)).save(tmp_path / f"{number}.png")
        name = {"id": number, "file_name": f"{number}.png"}
        images.append({**name, "width": width, "height": height})
        annotations.append(
            {
                **{"id": number, "image_id": number, "category_id": 1, "iscrowd": 0},
                **{"bbox": [2, 2, 10, 10], "area": 100},
                "segmentation": [[2, 2, 12, 2, 12, 12, 2, 12]],
            }
        )
    categories = [{"id": 1, "name": "wolf"}]
    document = {"images": images, "annotations": annotations, "categories": categories}
    path = tmp_path / "mixed.json"
    path.write_text(json.dumps(document))

    def dataset(train_seed=0):
        options = {"classes": ["wolf"], "image": IMAGE, "train_seed": train_seed}
        return train_dataset(path, tmp_path, **options)

    return dataset


def ids_of(dataset, epoch, *, batch_size, workers=0):
    dataset.epoch = epoch
    loader = train_loader(dataset, batch_size=batch_size, workers=workers, grouped=True)
    batches = [[truth.img_id for truth in batch["data_samples"]] for batch in loader]
    assert len(batches) == len(loader)
    return batches


@pytest.mark.parametrize("batch_size", [1, 2, 3, 4, 5, 13, 20])
def test_grouped_batches_hold_one_orientation_but_for_what_is_left_over(mixed, batch_size):
    dataset = mixed()
    whole = 7 // batch_size + 6 // batch_size
    for epoch in range(3):
        batches = ids_of(dataset, epoch, batch_size=batch_size)
        assert sorted(number for batch in batches for number in batch) == list(range(1, 14))
        assert len(batches) == -(-13 // batch_size)
        assert all(len(batch) == batch_size for batch in batches[:-1])
        for batch in batches[:whole]:
            assert set(batch) <= UPRIGHT or set(batch) <= LYING


def test_grouped_batches_depend_on_train_seed_and_epoch_alone(mixed):
    dataset = mixed()
    found = [ids_of(dataset, epoch, batch_size=2) for epoch in range(3)]
    torch.manual_seed(5)
    again = [ids_of(dataset, epoch, batch_size=2) for epoch in reversed(range(3))]
    assert again == found[::-1]
    assert ids_of(mixed(), 1, batch_size=2, workers=2) == found[1]
    other = [ids_of(mixed(1), epoch, batch_size=2) for epoch in range(3)]
    assert len({str(batches) for batches in found + other}) == 6


@pytest.mark.parametrize(("grouped", "workers"), [(True, 0), (True, 2), (False, 0)])
def test_an_epoch_from_a_batch_on_has_the_batches_that_the_whole_one_has(mixed, grouped, workers):
    """The next epoch is whole again."""
    dataset = mixed()
    loader = train_loader(dataset, batch_size=3, workers=workers, grouped=grouped)

    def ids(epoch, first):
        dataset.epoch = epoch
        rest = batches_from(loader, first)
        return [[truth.img_id for truth in batch["data_samples"]] for batch in rest]

    whole = [ids(epoch, 0) for epoch in range(2)]
    assert [len(batches) for batches in whole] == [5, 5]
    for first in range(6):
        assert ids(0, first) == whole[0][first:]
        assert ids(1, 0) == whole[1]


def test_without_grouping_orientations_meet_in_a_batch(mixed):
    dataset = mixed()
    met = 0
    for epoch in range(3):
        dataset.epoch = epoch
        for batch in train_loader(dataset, batch_size=4, workers=0):
            numbers = {truth.img_id for truth in batch["data_samples"]}
            met += bool(numbers & UPRIGHT) and bool(numbers & LYING)
    assert met > 3
