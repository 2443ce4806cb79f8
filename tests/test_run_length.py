import numpy as np
import pytest
from pycocotools import mask as coco_mask

from noisyseg.run_length import pixels_described


def _encode(mask):
    return coco_mask.encode(np.asfortranarray(mask, dtype=np.uint8))["counts"].decode()


def test_any_mask_covers_its_height_times_width():
    random = np.random.default_rng(0)
    shapes = [(1, 1), (7, 5), (64, 300), (37, 41)] * 20
    counts = [_encode(random.random(shape) < random.random()) for shape in shapes]
    assert pixels_described(counts).tolist() == [height * width for height, width in shapes]


def test_an_even_mask_of_a_large_image_is_covered():
    # One run of 6 million pixels: five base-32 digits.
    counts = [_encode(np.full((2000, 3000), fill)) for fill in (0, 1)]
    assert pixels_described(counts).tolist() == [2000 * 3000] * 2


def test_by_hand():
    # "3" is 51 - 48 = 3: one run of three; "31" adds a run of one. "234O" is the runs 2, 3, 4 and
    # 3 - 1 = 2: the fourth is stored as its difference, and -1 in five bits is 31 = "O".
    assert pixels_described(["3", "31", "234O", "3"]).tolist() == [3, 4, 2 + 3 + 4 + 2, 3]


@pytest.mark.parametrize("damaged", ["", "3P", "3 1", "\x00", "é3", "P" * 20 + "0", "3p", "3O"])
def test_what_is_no_encoding_is_told_and_leaves_its_neighbours_alone(damaged):
    assert pixels_described([damaged]).tolist() == [-1]
    assert pixels_described(["31", damaged, "234O"]).tolist() == [4, -1, 11]


def test_a_list_of_any_length():
    assert pixels_described([]).tolist() == []
    assert pixels_described(["31", "3", "P"] * 5000).tolist() == [4, 3, -1] * 5000
