"""Copies among runs: what is one, and what is not."""

import numpy as np
import pytest

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
            "segmentation": {"size": [480, 640], "counts": "x"},
        }
        for image, box, score in zip(images, boxes, own if scores is None else scores, strict=True)
    ]


def found(detections):
    return detected(Predictions((1, 2, 3, 4), detections, "a" * 64))


def moved(detections, pixels, seed=9):
    generator = np.random.default_rng(seed)
    return [
        {**one, "bbox": [side + float(generator.uniform(-pixels, pixels)) for side in one["bbox"]]}
        for one in detections
    ]


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
