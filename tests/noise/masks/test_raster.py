import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pycocotools import mask as coco_mask

from noisyseg.noise.masks.raster import Crop, cut_out, fill, put_back, trace
from noisyseg.run_length import decode_counts

rasters = st.tuples(st.integers(1, 12), st.integers(1, 12)).flatmap(
    lambda shape: arrays(np.uint8, shape, elements=st.integers(0, 1))
)
with_a_pixel = rasters.filter(np.any)


def encode(raster):
    return coco_mask.encode(np.asfortranarray(raster))


def runs_one_by_one(raster):
    """COCO's definition: lengths of runs of zeros and ones in turn, down the columns."""
    counts, value = [0], 0
    for pixel in raster.T.ravel().tolist():
        if pixel != value:
            counts.append(0)
            value = pixel
        counts[-1] += 1
    return counts


def paste(crop, shape):
    whole = np.zeros(shape, np.uint8)
    rows, columns = crop.raster.shape
    whole[crop.top : crop.top + rows, crop.left : crop.left + columns] = crop.raster
    return whole


@given(raster=rasters)
def test_counts_are_decoded(raster):
    assert decode_counts(encode(raster)["counts"]).tolist() == runs_one_by_one(raster)


def test_counts_of_several_digits_and_both_signs():
    wide = np.zeros((3000, 40), np.uint8)
    wide[5:2995, 3:9] = 1
    wide[2, 30] = 1
    wide[100:2000, 35] = 1
    assert decode_counts(encode(wide)["counts"]).tolist() == runs_one_by_one(wide)


@given(raster=with_a_pixel, margin=st.integers(0, 4))
def test_a_crop_is_the_box_with_its_margin(raster, margin):
    crop = cut_out(encode(raster), margin)
    assert np.array_equal(paste(crop, raster.shape), raster)
    rows, columns = np.nonzero(raster)
    assert crop.top == max(rows.min() - margin, 0)
    assert crop.left == max(columns.min() - margin, 0)
    assert crop.top + crop.raster.shape[0] == min(rows.max() + 1 + margin, raster.shape[0])
    assert crop.left + crop.raster.shape[1] == min(columns.max() + 1 + margin, raster.shape[1])


@given(raster=with_a_pixel, margin=st.integers(0, 4))
def test_a_crop_put_back_gives_the_very_run_lengths_of_pycocotools(raster, margin):
    whole = encode(raster)
    assert put_back(cut_out(whole, margin), *raster.shape) == whole


@given(raster=with_a_pixel)
@settings(max_examples=300)
def test_contours_filled_give_the_mask_back_with_holes_and_thin_parts(raster):
    crop = fill(trace(cut_out(encode(raster), 1)), *raster.shape)
    assert np.array_equal(paste(crop, raster.shape), raster)


def test_a_hole_belongs_to_the_part_around_it():
    raster = np.zeros((20, 30), np.uint8)
    raster[2:18, 2:18] = 1
    raster[5:15, 5:15] = 0
    raster[8:12, 8:12] = 1  # an island in the hole
    raster[3:6, 22:28] = 1
    parts = trace(cut_out(encode(raster), 1))
    assert sorted(map(len, parts)) == [1, 1, 2]


def test_parts_that_overlap_are_united_not_crossed_out():
    square = np.array([[2, 2], [8, 2], [8, 8], [2, 8]], np.int32)
    crop = fill([[square], [square + 3]], 20, 20)
    expected = np.zeros((20, 20), np.uint8)
    expected[2:9, 2:9] = expected[5:12, 5:12] = 1
    assert np.array_equal(paste(crop, (20, 20)), expected)


@pytest.mark.parametrize("shift", [(-5, -3), (6, 9), (-40, 0), (0, 40), (40, 0), (0, -40)])
def test_a_part_across_the_border_is_cut_there(shift):
    square = np.array([[2, 2], [9, 2], [9, 9], [2, 9]], np.int32) + np.array(shift, np.int32)
    crop = fill([[square]], 12, 14)
    large = np.zeros((112, 114), np.uint8)
    cv2.fillPoly(large, [square + 50], 1)
    assert np.array_equal(paste(crop, (12, 14)), large[50:62, 50:64])


def test_a_run_may_go_on_from_one_column_to_the_next():
    full = Crop(np.ones((4, 3), np.uint8), 0, 2)
    expected = np.zeros((4, 6), np.uint8)
    expected[:, 2:5] = 1
    assert put_back(full, 4, 6) == encode(expected)
