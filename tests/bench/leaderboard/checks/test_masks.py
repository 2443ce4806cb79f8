"""Masks without their images, some of them damaged after pycocotools made them."""

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from noisyseg.bench.leaderboard.checks.masks import odd_masks
from noisyseg.results.evaluation.predictions import Predictions


def encoded(mask):
    return coco_mask.encode(np.asfortranarray(mask, dtype=np.uint8))["counts"].decode()


def predictions(*masks):
    detections = [
        {
            "image_id": image,
            "category_id": 1,
            "score": 0.5,
            "bbox": [0.0, 0.0, 1.0, 1.0],
            "segmentation": {"size": list(size), "counts": counts},
        }
        for image, size, counts in masks
    ]
    return Predictions((1, 2), detections, "a" * 64)


SMALL, LARGE = encoded(np.eye(4)), encoded(np.eye(9))


def test_each_image_has_a_size_of_its_own():
    assert (
        odd_masks(predictions((1, (4, 4), SMALL), (1, (4, 4), SMALL), (2, (9, 9), LARGE))) is None
    )


@pytest.mark.parametrize(
    ("mask", "said"),
    [
        ((1, (9, 9), LARGE), "detection 1 is of another size"),
        ((2, (4, 4), LARGE), "detection 1's run lengths are not"),
        ((2, (10**9, 10**9), SMALL), "detection 1 is of 1000000000 by 1000000000"),
        ((2, (-4, -4), SMALL), "detection 1 is of -4 by -4"),
        ((2, (0, 4), SMALL), "detection 1 is of 0 by 4"),
        ((2, (4, 4), ""), "detection 1's run lengths are not"),
        ((2, (4, 4), "\u00e9 1"), "detection 1's run lengths are not"),
        ((2, (4, 4), "o" * 20 + "1"), "detection 1's run lengths are not"),
        ((2, (4, 4), "x"), "detection 1's run lengths are not"),
    ],
)
def test_what_a_mask_cannot_be_is_named(mask, said):
    assert odd_masks(predictions((1, (4, 4), SMALL), mask)).startswith(said)
