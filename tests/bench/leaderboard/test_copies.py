"""Copies among runs: what is one, and what is not."""

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from noisyseg.bench.leaderboard.copies import check_copies, detected, likeness
from noisyseg.results.evaluation.predictions import Predictions


def run(seed, count=60, *, scores=None):
    """Detections anywhere in four images of 640 by 480."""
    generator = np.random.default_rng(seed)
    boxes = generator.uniform((0, 0, 20, 20), (500, 400, 120, 80), (count, 4))
    images, own = generator.integers(4, size=count), generator.random(count)
    return [
        {
            "image_id": int(image) + 1,
            "category_id": 1,
            "score": float(score),
            "bbox": [float(side) for side in box],
            "segmentation": mask(box),
        }
        for image, box, score in zip(images, boxes, own if scores is None else scores, strict=True)
    ]


def mask(box):
    x, y, width, height = box
    outline = [[x, y, x + width, y, x + width, y + height, x, y + height]]
    runs = coco_mask.merge(coco_mask.frPyObjects(outline, 480, 640))
    return {"size": [480, 640], "counts": runs["counts"].decode()}


def found(detections):
    return detected(Predictions((1, 2, 3, 4), detections, "a" * 64))


def moved(detections, pixels, seed=9):
    """Boxes and masks moved, each by no more than so far."""
    generator = np.random.default_rng(seed)
    found = []
    for one in detections:
        box = [side + float(generator.uniform(-pixels, pixels)) for side in one["bbox"]]
        found.append({**one, "bbox": box, "segmentation": mask(box)})
    return found


def test_trainings_of_other_seeds_are_no_copies():
    assert likeness(found(run(0)), found(run(1))) < 0.05


def test_a_copy_is_one_whatever_was_done_to_its_order_and_scores():
    own = run(0)
    assert likeness(found(own), found(own[::-1])) == 1
    rescored = [{**one, "score": one["score"] ** 2, "category_id": 2} for one in own]
    assert likeness(found(own), found(rescored)) == 1
    assert likeness(found(own), found(moved(own, 0.5))) == 1


def test_a_copy_that_lost_or_gained_detections_is_one():
    own = run(0)
    assert likeness(found(own), found(own[:30])) == 1
    assert likeness(found(own), found(own + run(5))) == 1


def test_boxes_of_other_images_are_others():
    own = run(0)
    elsewhere = [{**one, "image_id": one["image_id"] % 4 + 1} for one in own]
    assert likeness(found(own), found(elsewhere)) < 0.05


def test_boxes_are_moved_and_masks_are_not():
    """Mask AP, the number of the board, is the copied run's to the last digit."""
    own = run(0)
    off = [{**one, "bbox": [one["bbox"][0] + 3, *one["bbox"][1:]]} for one in own]
    assert likeness(found(own), found(off)) == 1
    whole = [{**one, "bbox": [0.0, 0.0, 640.0, 480.0]} for one in own]
    assert likeness(found(own), found(whole)) == 1


def test_masks_that_lost_a_pixel_have_their_boxes_still():
    own = run(0)
    changed = []
    for one in own:
        pixels = coco_mask.decode(
            {**one["segmentation"], "counts": one["segmentation"]["counts"].encode()}
        )
        rows, columns = np.nonzero(pixels)
        pixels[int(np.median(rows)), int(np.median(columns))] = 0
        runs = coco_mask.encode(np.asfortranarray(pixels))
        segmentation = {"size": [480, 640], "counts": runs["counts"].decode()}
        changed.append({**one, "bbox": [0.0, 0.0, 640.0, 480.0], "segmentation": segmentation})
    assert likeness(found(own), found(changed)) > 0.95


def test_only_the_surest_are_changed():
    own = sorted(run(0, count=900), key=lambda one: -one["score"])
    changed = moved(own[:300], 20) + own[300:]
    assert likeness(found(own), found(changed)) == pytest.approx(2 / 3, abs=0.03)


def test_a_damaged_or_empty_mask_is_none_of_pycocotools():
    for size, counts in (
        ([480, 640], "z" * 50), ([0, 0], "0"), ([480, 640], ""), ([-1, -1], "1"),
        ([10**9, 10**9], "d0"), ([480, 640], "P`i"), ([2**40, 2**40], "0"), ([1, 1], "é"),
    ):  # fmt: skip
        own = [{**one, "segmentation": {"size": size, "counts": counts}} for one in run(0)]
        others = [{**one, "segmentation": {"size": size, "counts": "x"}} for one in run(1)]
        assert likeness(found(own), found(others)) < 0.05
        assert likeness(found(own), found(moved(own, 0.5))) == 1


def test_boxes_moved_by_more_than_a_pixel_are_others():
    assert likeness(found(run(0)), found(moved(run(0), 20))) < 0.05


def test_few_detections_say_something_only_where_all_are_equal():
    few = run(0, count=5)
    assert likeness(found(few), found(few)) == 1
    assert likeness(found(few), found(moved(few, 0.1))) == 0
    assert likeness(found([]), found([])) == 0


def test_one_training_twice_is_no_copy():
    """Two settings whose noise left the annotations as they were, and one train seed."""
    runs = {"a": found(run(0)), "b": found(run(0))}
    (check,) = check_copies(runs, {"a": ("f" * 64, 0), "b": ("f" * 64, 0)})
    assert check.state == "holds"
    (check,) = check_copies(runs, {"a": ("f" * 64, 0), "b": ("f" * 64, 1)})
    assert (check.state, check.run) == ("fails", "b")
    assert "run a" in check.detail


@pytest.mark.parametrize("runs", [{}, {"a": found(run(0))}])
def test_fewer_than_two_runs_hold(runs):
    assert [check.state for check in check_copies(runs, {})] == ["holds"]
