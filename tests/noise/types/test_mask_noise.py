import numpy as np
import pytest
from pycocotools import mask as coco_mask

from noisyseg.errors import InputError
from noisyseg.noise.draws import StepDraws
from noisyseg.noise.masks.instance import Instance, overlap_of
from noisyseg.noise.spec import make_step
from noisyseg.noise.types.mask_noise import approximation, boundary, scale

HEIGHT, WIDTH = 60, 80
CLASSES = ["cat", "dog"]
L_SHAPE = [10.0, 10.0, 40.5, 10.0, 40.5, 22.25, 22.0, 22.25, 22.0, 50.0, 10.0, 50.0]
SQUARE = [50.0, 30.0, 70.0, 30.0, 70.0, 50.0, 50.0, 50.0]


def instance(segmentation, number=1, height=HEIGHT, width=WIDTH):
    annotation = {"id": number, "segmentation": segmentation, "bbox": [0, 0, 1, 1]}
    return Instance.of(annotation, height, width)


def rle(raster):
    encoded = coco_mask.encode(np.asfortranarray(raster.astype(np.uint8)))
    return {"size": encoded["size"], "counts": encoded["counts"].decode()}


def blobs(seed, holes=True):
    draw = np.random.default_rng(seed)
    raster = np.zeros((HEIGHT, WIDTH), np.uint8)
    for _ in range(3):
        y, x, tall, wide = draw.integers((0, 0, 6, 6), (HEIGHT - 5, WIDTH - 5, 30, 40))
        raster[y : y + tall, x : x + wide] = 1
    if holes:
        raster &= (draw.random((HEIGHT, WIDTH)) < 0.97).astype(np.uint8)
    return raster


def draws(kind, seed=0):
    return StepDraws(seed=seed, kind=kind)


def brute_morphology(raster, size, grow):
    """The greatest, or least, pixel of each window, of those that the image has."""
    half, found = size // 2, np.empty_like(raster)
    for row in range(raster.shape[0]):
        for column in range(raster.shape[1]):
            window = raster[
                max(row - half, 0) : row + half + 1, max(column - half, 0) : column + half + 1
            ]
            found[row, column] = window.max() if grow else window.min()
    return found


@pytest.mark.parametrize("size", [3, 5, 7, 21])
def test_scale_is_dilation_or_erosion_of_the_full_image(size):
    seen = set()
    for number in range(12):
        raster = blobs(number, holes=number % 2 == 1)
        new = scale(instance(rle(raster), number), {"kernel": size}, draws("scale"))
        grown, shrunk = (brute_morphology(raster, size, grow) for grow in (True, False))
        if new is None:
            assert not shrunk.any()
            continue
        assert new.segmentation in (rle(grown), rle(shrunk))
        seen.add(new.segmentation == rle(grown))
    assert True in seen
    assert size > 7 or False in seen


def test_scale_grows_as_often_as_it_shrinks():
    square = np.zeros((HEIGHT, WIDTH))
    square[20:30, 20:30] = 1
    grown = [
        coco_mask.area(scale(instance(rle(square), n), {"kernel": 3}, draws("scale")).mask) == 144
        for n in range(1000)
    ]
    assert abs(sum(grown) - 500) < 3.9 * np.sqrt(250)  # p = 1e-4


def test_scale_of_polygons_is_scale_of_their_mask_in_run_lengths():
    polygons = instance([L_SHAPE, SQUARE])
    runs = instance(rle(coco_mask.decode(polygons.mask)))
    new = scale(polygons, {"kernel": 5}, draws("scale"))
    assert new.segmentation == scale(runs, {"kernel": 5}, draws("scale")).segmentation
    assert isinstance(new.segmentation["counts"], str)


def test_a_mask_that_would_vanish_is_none_and_one_that_cannot_move_is_itself():
    dot, whole = np.zeros((2, HEIGHT, WIDTH), np.uint8)
    dot[30, 30] = 1
    whole[:] = 1
    outcomes = [scale(instance(rle(dot), n), {"kernel": 3}, draws("scale")) for n in range(20)]
    assert any(new is None for new in outcomes)
    assert {coco_mask.area(new.mask) for new in outcomes if new} == {9}
    full = instance(rle(whole))
    assert scale(full, {"kernel": 7}, draws("scale")) is full


def test_boundary_moves_vertices_by_whole_pixels_of_a_normal_distribution():
    height = width = 10_000
    angles = np.linspace(0, 2 * np.pi, 4000, endpoint=False)
    circle = np.round(5000 + 3000 * np.stack([np.cos(angles), np.sin(angles)], 1), 2)
    shifts = []
    for number in range(5):
        old = instance([circle.ravel().tolist()], number, height, width)
        new = boundary(old, {"sigma": 3.0}, draws("boundary"))
        shifts.append(np.array(new.segmentation[0]).reshape(-1, 2) - circle)
    shifts = np.round(np.concatenate(shifts), 6)
    assert np.array_equal(shifts, np.rint(shifts))
    n = shifts.size
    # Rounding to whole numbers adds the variance of U(-1/2, 1/2), 1/12.
    variance = 9 + 1 / 12
    assert abs(shifts.mean()) < 4 * np.sqrt(variance / n)
    assert abs(shifts.var() - variance) < 4 * variance * np.sqrt(2 / n)
    assert abs(np.corrcoef(shifts.T)[0, 1]) < 4 / np.sqrt(n / 2)
    # P(|round(3 z)| <= 3) = P(|z| < 3.5 / 3) = erf(3.5 / 3 / sqrt 2)
    share = (np.abs(shifts) <= 3).mean()
    assert abs(share - 0.75667) < 4 * np.sqrt(0.757 * 0.243 / n)


def test_boundary_leaves_the_image_to_nobody():
    edge = [0.0, 0.0, 79.9, 0.0, 79.9, 59.9, 0.0, 59.9]
    for number in range(30):
        new = boundary(instance([edge], number), {"sigma": 4.0}, draws("boundary"))
        points = np.array(new.segmentation[0]).reshape(-1, 2)
        assert (points >= 0).all()
        assert (points <= (WIDTH, HEIGHT)).all()


def test_boundary_of_run_lengths_keeps_holes_and_stays_run_lengths():
    ring = np.zeros((HEIGHT, WIDTH), np.uint8)
    ring[5:55, 5:70] = 1
    ring[20:40, 25:50] = 0
    old = instance(rle(ring))
    new = boundary(old, {"sigma": 1.5}, draws("boundary"))
    after = coco_mask.decode(new.mask)
    assert isinstance(new.segmentation, dict)
    assert not after[27:33, 35:40].any()
    assert 0.6 < overlap_of(old, new) < 1


def test_no_deviation_and_no_tolerance_leave_all_as_it_is():
    for old in (instance([L_SHAPE, SQUARE]), instance(rle(blobs(3)))):
        assert boundary(old, {"sigma": 0.0}, draws("boundary")) is old
    old = instance([L_SHAPE, SQUARE])
    assert approximation(old, {"tolerance": 0.0}, draws("approximation")) is old


def distance_to_outline(point, outline):
    ends = np.roll(outline, -1, axis=0) - outline
    length = (ends**2).sum(1)
    along = np.clip(((point - outline) * ends).sum(1) / np.where(length > 0, length, 1), 0, 1)
    return np.sqrt(((outline + along[:, None] * ends - point) ** 2).sum(1)).min()


@pytest.mark.parametrize("tolerance", [1.0, 5.0, 10.0])
def test_approximation_drops_vertices_within_the_tolerance(tolerance):
    draw = np.random.default_rng(4)
    dropped = 0
    for number in range(20):
        angles = np.sort(draw.random(40)) * 2 * np.pi
        radii = draw.uniform(60, 80, 40)
        old = np.round(100 + radii[:, None] * np.stack([np.cos(angles), np.sin(angles)], 1), 2)
        new = approximation(
            instance([old.ravel().tolist()], number, 200, 200),
            {"tolerance": tolerance},
            draws("approximation"),
        )
        points = np.array(new.segmentation[0]).reshape(-1, 2)
        assert {tuple(p) for p in points.tolist()} <= {tuple(p) for p in old.tolist()}
        assert max(distance_to_outline(vertex, points) for vertex in old) <= tolerance + 0.02
        dropped += len(old) - len(points)
    assert dropped > 0


def test_approximation_by_hand():
    # The middle of the upper side stands out by 2 px, that of the right one by 4.
    outline = [10, 10, 30, 8, 50, 10, 54, 30, 50, 50, 10, 50]
    new = approximation(instance([outline]), {"tolerance": 3.0}, draws("approximation"))
    corners = {(10, 10), (50, 10), (54, 30), (50, 50), (10, 50)}
    assert {tuple(p) for p in np.reshape(new.segmentation[0], (-1, 2)).tolist()} == corners


def test_a_part_too_small_for_the_tolerance_goes_and_the_last_one_is_none():
    tiny = [60.0, 5.0, 62.0, 5.0, 62.0, 7.0, 60.0, 7.0]
    both = instance([L_SHAPE, tiny])
    new = approximation(both, {"tolerance": 4.0}, draws("approximation"))
    assert len(new.segmentation) == 1
    assert min(new.segmentation[0][::2]) == 10
    assert approximation(instance([tiny]), {"tolerance": 4.0}, draws("approximation")) is None
    runs = instance(rle(coco_mask.decode(both.mask)))
    after = coco_mask.decode(approximation(runs, {"tolerance": 4.0}, draws("approximation")).mask)
    assert not after[:, 55:].any()
    assert after[:, :55].any()


def test_a_hole_smaller_than_the_tolerance_is_filled():
    ring = np.zeros((HEIGHT, WIDTH), np.uint8)
    ring[5:55, 5:70] = 1
    solid = ring.copy()
    ring[20:23, 25:28] = 0
    new = approximation(instance(rle(ring)), {"tolerance": 5.0}, draws("approximation"))
    assert np.array_equal(coco_mask.decode(new.mask), solid)


@pytest.mark.parametrize("kind", ["scale", "boundary", "approximation"])
def test_compressed_and_plain_run_lengths_are_one_mask(kind):
    change = {"scale": scale, "boundary": boundary, "approximation": approximation}[kind]
    raster = blobs(7)
    counts, value = [0], 0
    for pixel in raster.T.ravel().tolist():
        if pixel != value:
            counts.append(0)
            value = pixel
        counts[-1] += 1
    parameters = {"kernel": 3, "sigma": 2.0, "tolerance": 4.0}
    plain = change(instance({"size": [HEIGHT, WIDTH], "counts": counts}), parameters, draws(kind))
    assert plain.segmentation == change(instance(rle(raster)), parameters, draws(kind)).segmentation


@pytest.mark.parametrize(
    ("kind", "preset", "expected"),
    [
        ("scale", "easy", {"rate": 0.2, "kernel": 3}),
        ("scale", "mid", {"rate": 0.25, "kernel": 5}),
        ("scale", "hard", {"rate": 0.3, "kernel": 7}),
        ("boundary", "easy", {"rate": 0.2, "sigma": 2}),
        ("boundary", "mid", {"rate": 0.25, "sigma": 3}),
        ("boundary", "hard", {"rate": 0.3, "sigma": 4}),
        ("approximation", "easy", {"rate": 0.2, "tolerance": 5}),
        ("approximation", "mid", {"rate": 0.25, "tolerance": 10}),
        ("approximation", "hard", {"rate": 0.3, "tolerance": 15}),
    ],
)
def test_presets_are_those_of_coco_n(kind, preset, expected):
    step = make_step(kind, classes=CLASSES, preset=preset)
    assert step.parameters == {**expected, "only": "all", "crowds": False}


@pytest.mark.parametrize(
    ("kind", "parameters", "message"),
    [
        ("scale", {"rate": 0.2, "kernel": 4}, "odd number of pixels, got 4"),
        ("scale", {"rate": 0.2, "kernel": 1}, "from 3 to"),
        ("scale", {"rate": 0.2, "kernel": 3.0}, "wanted an integer"),
        ("scale", {"rate": 0.2}, "needs 'kernel'"),
        ("boundary", {"rate": 0.2, "sigma": -1}, "wanted a number from 0"),
        ("boundary", {"rate": 1.2, "sigma": 1}, "from 0 to 1"),
        ("approximation", {"preset": "medium"}, "Did you mean|unknown preset"),
        ("approximation", {"preset": "mid", "only": "box"}, "one of all, segmentation, bbox, area"),
    ],
)
def test_bad_parameters(kind, parameters, message):
    with pytest.raises(InputError, match=message):
        make_step(kind, classes=CLASSES, **parameters)
