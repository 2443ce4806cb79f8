import json

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from noisyseg.errors import InputError
from noisyseg.mask_overlap import encoded, encoded_columns, overlap, overlaps, run_lengths

HEIGHT, WIDTH = 12, 17


def random_mask(seed):
    return (np.random.default_rng(seed).random((HEIGHT, WIDTH)) < 0.4).astype(np.uint8)


def plain_runs(mask):
    """Run lengths by columns, zeros first, one pixel at a time."""
    runs, value = [0], 0
    for pixel in mask.flatten(order="F").tolist():
        if pixel != value:
            runs.append(0)
            value = pixel
        runs[-1] += 1
    return {"size": [HEIGHT, WIDTH], "counts": runs}


@pytest.mark.parametrize("encode", [encoded, plain_runs])
@pytest.mark.parametrize("seed", range(5))
def test_run_lengths_of_either_kind_are_the_mask(encode, seed):
    mask = random_mask(seed)
    found = run_lengths({"id": 1, "segmentation": encode(mask)}, HEIGHT, WIDTH)
    assert (coco_mask.decode(found) == mask).all()


def test_long_runs_whose_differences_are_negative():
    mask = np.zeros((HEIGHT, WIDTH), dtype=np.uint8)
    mask[:, 3:9] = 1
    mask[2:5, 12] = 1
    found = run_lengths({"id": 1, "segmentation": encoded(mask)}, HEIGHT, WIDTH)
    assert (coco_mask.decode(found) == mask).all()


def test_polygons_are_one_mask():
    squares = [[1, 1, 5, 1, 5, 5, 1, 5], [8, 2, 12, 2, 12, 6, 8, 6]]
    mask = np.zeros((HEIGHT, WIDTH), dtype=np.uint8)
    mask[1:5, 1:5] = mask[2:6, 8:12] = 1
    found = coco_mask.decode(run_lengths({"id": 1, "segmentation": squares}, HEIGHT, WIDTH))
    assert (found == mask).all()


@pytest.mark.parametrize(
    "segmentation",
    [
        [[1, 1, 2, 2]],
        [[1, 1, 2, 2, 3, float("nan")]],
        [[1, 1, 2, 2, 3, 3, 4]],
        [1, 1, 2, 2, 3, 3],
        {"size": [HEIGHT, WIDTH], "counts": [HEIGHT * WIDTH - 1]},
        {"size": [HEIGHT, WIDTH], "counts": [HEIGHT * WIDTH + 1, -1]},
        {"size": [WIDTH, HEIGHT], "counts": [HEIGHT * WIDTH]},
        {"size": [HEIGHT, WIDTH], "counts": "\\\\"},
        {"size": [HEIGHT, WIDTH], "counts": "n"},
        {"size": [HEIGHT, WIDTH]},
        "polygon",
    ],
)
def test_damaged_segmentations_are_refused(segmentation):
    with pytest.raises(InputError, match="annotation 7: wanted a segmentation of polygons"):
        run_lengths({"id": 7, "segmentation": segmentation}, HEIGHT, WIDTH)


def test_overlap_is_the_share_of_common_pixels():
    one, other = random_mask(1), random_mask(2)
    wanted = (one & other).sum() / (one | other).sum()
    pair = [{"id": n, "segmentation": encoded(m)} for n, m in enumerate((one, other))]
    assert overlap(*pair, HEIGHT, WIDTH) == pytest.approx(wanted)


def test_without_a_mask_boxes_are_compared():
    one = {"id": 1, "bbox": [0, 0, 4, 4], "segmentation": []}
    other = {"id": 2, "bbox": [2, 0, 4, 4], "segmentation": [[0, 0, 9, 0, 9, 9]]}
    assert overlap(one, other, HEIGHT, WIDTH) == pytest.approx(8 / 24)


def test_no_annotations_overlap_none():
    assert overlaps([], [[0, 0, 1, 1]]).shape == (0, 1)
    assert overlaps([[0, 0, 1, 1]], []).shape == (1, 0)


@pytest.mark.parametrize("far", [1e4, -1e4, 1e9, 1e300])
def test_a_polygon_far_outside_its_image_is_refused_not_drawn(far):
    annotation = {"id": 7, "segmentation": [[1.0, 1.0, far, 2.0, 3.0, 9.0]]}
    with pytest.raises(InputError, match="annotation 7: a polygon reaches far outside its image"):
        run_lengths(annotation, HEIGHT, WIDTH)


@pytest.mark.parametrize("side", [10**5, 2**31, 2**63])
def test_an_image_too_large_for_masks_is_refused(side):
    annotation = {"id": 7, "segmentation": {"size": [side, side], "counts": [0, side * side]}}
    with pytest.raises(InputError, match=r"annotation 7: .* too large for masks"):
        run_lengths(annotation, side, side)


def test_a_polygon_may_reach_a_little_outside():
    annotation = {"id": 7, "segmentation": [[-5.0, -5.0, 40.0, -5.0, 40.0, 40.0, -5.0, 40.0]]}
    assert coco_mask.area(run_lengths(annotation, HEIGHT, WIDTH)) == HEIGHT * WIDTH


def test_what_is_encoded_can_be_written_as_json():
    mask = random_mask(3)
    read_again = json.loads(json.dumps(encoded(mask.astype(bool))))
    assert read_again == encoded(mask)
    assert read_again["size"] == [HEIGHT, WIDTH]
    assert (coco_mask.decode(read_again) == mask).all()


def test_many_masks_at_once_are_encoded_as_each_alone():
    masks = np.stack([random_mask(seed) for seed in range(4)] + [np.zeros((HEIGHT, WIDTH))])
    columns = np.ascontiguousarray(masks.transpose(0, 2, 1), dtype=np.uint8)
    assert encoded_columns(columns) == [encoded(mask) for mask in masks]
    assert encoded_columns(columns[:0]) == []
