import numpy as np
import pytest
from pycocotools import mask as coco_mask

from noisyseg.errors import InputError
from noisyseg.noise.draws import StepDraws
from noisyseg.noise.masks.instance import Instance, overlap_of
from noisyseg.noise.spec import make_step
from noisyseg.noise.types.box_noise import box_jitter

CLASSES = ["cat", "dog"]
DRAWS = StepDraws(seed=3, kind="box-jitter")
BOX = [400.0, 300.0, 60.0, 40.0]
L_SHAPE = [400.0, 300.0, 460.0, 300.0, 460.0, 310.0, 410.0, 310.0, 410.0, 340.0, 400.0, 340.0]


def instance(number, segmentation=None, box=BOX, size=(1000, 1200)):
    annotation = {"id": number, "bbox": list(box)}
    if segmentation is not None:
        annotation["segmentation"] = segmentation
    return Instance.of(annotation, *size)


def jitter(old, r=0.3, only="all"):
    return box_jitter(old, {"r": r, "only": only}, DRAWS)


def ks_distance_from_uniform(values, low, high):
    shares = (np.sort(values) - low) / (high - low)
    steps = np.arange(len(values) + 1) / len(values)
    return max(np.abs(shares - steps[:-1]).max(), np.abs(shares - steps[1:]).max())


def test_centres_and_sizes_are_uniform_independent_and_in_range():
    r, n = 0.3, 2000
    boxes = np.array([jitter(instance(number), r).box for number in range(n)])
    centres = boxes[:, :2] + boxes[:, 2:] / 2
    moves = (centres - (430, 320)) / (60, 40)
    growth = boxes[:, 2:] / (60, 40) - 1
    measured = np.hstack([moves, growth])
    assert np.abs(measured).max() <= r + 0.001  # boxes are written in hundredths of a pixel
    for column in measured.T:
        # Kolmogorov and Smirnov's bound at p = 1e-4.
        assert ks_distance_from_uniform(column, -r, r) < 2.23 / np.sqrt(n) + 0.001
    off = np.corrcoef(measured.T) - np.eye(4)
    assert np.abs(off).max() < 4 / np.sqrt(n)


def test_a_greater_reach_scales_the_same_draws():
    for number in range(20):
        one, two = (np.array(jitter(instance(number), r).box) for r in (0.1, 0.2))
        moves = [box[2:] - BOX[2:] for box in (one, two)]
        assert np.allclose(2 * moves[0], moves[1], atol=0.03)


def test_polygons_take_their_box_along():
    for number in range(50):
        old = instance(number, [L_SHAPE])
        new = jitter(old)
        left, top, wide, high = jitter(instance(number)).box
        expected = [
            (left + (x - 400) / 60 * wide, top + (y - 300) / 40 * high)
            for x, y in np.reshape(L_SHAPE, (-1, 2))
        ]
        assert np.allclose(np.reshape(new.segmentation[0], (-1, 2)), expected, atol=0.02)
        # The mask's box is in whole pixels.
        ends = np.array([left, top, left + wide, top + high])
        x, y, columns, rows = new.box
        assert np.abs(ends - (x, y, x + columns, y + rows)).max() <= 1
        assert list(new.box) == coco_mask.toBbox(new.mask).tolist()


def test_run_lengths_are_resampled_as_their_pixels_squares_would_be():
    height, width = 60, 80
    draw = np.random.default_rng(0)
    raster = np.zeros((height, width), np.uint8)
    raster[20:40, 30:60] = np.kron(draw.integers(0, 2, (4, 6)), np.ones((5, 5)))
    raster[20, 30] = raster[39, 59] = 1
    encoded = coco_mask.encode(np.asfortranarray(raster))
    text = {"size": [height, width], "counts": encoded["counts"].decode()}
    for number in range(30):
        old = instance(number, text, [30, 20, 30, 20], (height, width))
        new = jitter(old, 0.4)
        left, top, wide, high = jitter(instance(number, None, [30, 20, 30, 20], (999, 999))).box
        # The drawn box at this reach, from the one at 0.3: every share of the sides is 4/3 as much.
        centre = [45 + (left + wide / 2 - 45) * 4 / 3, 30 + (top + high / 2 - 30) * 4 / 3]
        wide, high = 30 + (wide - 30) * 4 / 3, 20 + (high - 20) * 4 / 3
        expected = np.zeros_like(raster)
        sure = np.ones_like(raster, dtype=bool)
        for row in range(height):
            for column in range(width):
                x = 45 + (column + 0.5 - centre[0]) / wide * 30
                y = 30 + (row + 0.5 - centre[1]) / high * 20
                if 0 <= x < width and 0 <= y < height:
                    expected[row, column] = raster[int(y), int(x)]
                # Boxes are read off in hundredths: a centre this near to an edge may go either way.
                sure[row, column] = min(x % 1, 1 - x % 1, y % 1, 1 - y % 1) > 0.03
        assert np.array_equal(coco_mask.decode(new.mask)[sure], expected[sure])


def test_boxes_and_masks_stay_inside_the_image():
    corner = [0.0, 0.0, 50.0, 0.0, 50.0, 30.0, 0.0, 30.0]
    for number in range(50):
        new = jitter(instance(number, [corner], [0, 0, 50, 30], (40, 60)), 1.0)
        bare = jitter(instance(number, None, [0, 0, 50, 30], (40, 60)), 1.0)
        for found in filter(None, (new, bare)):
            left, top, wide, high = found.box
            assert min(left, top) >= 0
            assert left + wide <= 60 + 1e-9
            assert top + high <= 40 + 1e-9
        if new:
            points = np.reshape(new.segmentation[0], (-1, 2))
            assert (points >= 0).all()
            assert (points <= (60, 40)).all()


def test_the_box_alone():
    old = instance(5, [L_SHAPE])
    new = jitter(old, only="bbox")
    assert new.box == jitter(instance(5)).box
    assert new.segmentation is old.segmentation
    left, top, wide, high = new.box
    across = max(min(460, left + wide) - max(400, left), 0)
    down = max(min(340, top + high) - max(300, top), 0)
    shared = across * down
    assert overlap_of(old, new) == pytest.approx(shared / (2400 + wide * high - shared))


@pytest.mark.parametrize("box", [[5, 5, 0, 10], [5, 5, 0.5, 10], [-50, 5, 10, 10]])
def test_a_box_without_a_pixels_width_inside_is_none(box):
    assert all(jitter(instance(number, None, box), 0.3) is None for number in range(10))


def test_parameters():
    step = make_step("box-jitter", classes=CLASSES, r=1)
    assert step.parameters == {"rate": 1.0, "r": 1.0, "only": "all", "crowds": False}
    for r in (0, -0.1, 1.01, float("nan"), "0.1", None):
        with pytest.raises(InputError, match="wanted a number"):
            make_step("box-jitter", classes=CLASSES, r=r)
    with pytest.raises(InputError, match="needs 'r'"):
        make_step("box-jitter", classes=CLASSES)
