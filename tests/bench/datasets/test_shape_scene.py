import numpy as np
import pytest

from noisyseg.bench.datasets import shape_scene
from noisyseg.bench.datasets.shape_geometry import CLASSES, PAIRS
from noisyseg.bench.datasets.shape_scene import (
    CLUTTER_RADIUS,
    COLOUR_JITTER,
    COLOURS,
    MIN_RADIUS,
    MIN_VISIBLE,
    draw_scene,
)

SIZE = 96


def _queue():
    return [CLASSES[k % len(CLASSES)] for k in range(40)]


@pytest.fixture(scope="module")
def scenes():
    """Sixty images with their instances, and what was true when each shape was placed."""
    placed = []
    real = shape_scene._place

    def place(random, size, name, instances):
        before = [instance.mask.copy() for instance in instances]
        mask = real(random, size, name, instances)
        if mask is not None:
            placed.append((name, mask.copy(), before))
        return mask

    shape_scene._place = place
    try:
        random = np.random.RandomState(3)
        drawn = [draw_scene(random, SIZE, _queue()) for _ in range(60)]
    finally:
        shape_scene._place = real
    return drawn, placed


def test_images_are_bytes_and_hold_one_to_five_instances(scenes):
    for image, instances in scenes[0]:
        assert image.shape == (SIZE, SIZE, 3)
        assert image.dtype == np.uint8
        assert 1 <= len(instances) <= 5
        assert all(instance.mask.shape == (SIZE, SIZE) for instance in instances)


def test_no_pixel_belongs_to_two_instances(scenes):
    for _, instances in scenes[0]:
        assert np.sum([instance.mask for instance in instances], axis=0).max() == 1


def test_shapes_do_overlap(scenes):
    """Occlusion is part of the task: placing must take pixels from shapes that lie behind."""
    covered = [any((mask & behind).any() for behind in before) for _, mask, before in scenes[1]]
    assert 0.1 < np.mean(covered) < 0.9


def test_every_instance_stays_visible(scenes):
    for _, instances in scenes[0]:
        assert all(instance.mask.sum() >= 40 for instance in instances)


def test_a_shape_covers_no_more_than_a_share_of_one_behind(scenes):
    least = (100 - (100 - MIN_VISIBLE) // 2) / 100
    for _, mask, before in scenes[1]:
        for behind in before:
            assert (behind & ~mask).sum() >= least * behind.sum()


def test_classes_come_from_the_end_of_the_queue_one_for_each_instance():
    random, queue = np.random.RandomState(1), _queue()
    for _ in range(6):
        before = list(queue)
        _, instances = draw_scene(random, SIZE, queue)
        assert queue == before[: len(queue)]
        assert [instance.class_name for instance in instances] == before[len(queue) :][::-1]


def test_an_image_depends_on_the_generator_alone():
    (one, _), (two, _) = (draw_scene(np.random.RandomState(9), SIZE, _queue()) for _ in range(2))
    (other, _) = draw_scene(np.random.RandomState(10), SIZE, _queue())
    assert (one == two).all()
    assert (one != other).any()


@pytest.mark.parametrize("size", [48, 161, 512])
def test_every_allowed_size_can_be_drawn(size):
    image, instances = draw_scene(np.random.RandomState(2), size, _queue())
    assert image.shape == (size, size, 3)
    assert instances
    assert all(instance.mask.any() for instance in instances)


def test_no_speck_is_as_large_as_an_instance():
    assert max(CLUTTER_RADIUS) < MIN_RADIUS


def test_colour_alone_does_not_tell_the_two_of_a_pair_apart():
    assert set(COLOURS) == set(CLASSES)
    for one, two in PAIRS:
        distance = np.abs(np.subtract(COLOURS[one], COLOURS[two]))
        assert 0 < distance.max() < 2 * COLOUR_JITTER
    for one, two in zip(PAIRS, PAIRS[1:] + PAIRS[:1], strict=True):
        assert np.abs(np.subtract(COLOURS[one[0]], COLOURS[two[0]])).max() > 2 * COLOUR_JITTER
