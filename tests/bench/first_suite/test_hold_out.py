"""Images that are held out of training."""

import random

import pytest

from noisyseg.bench.first_suite.hold_out import classes_of_images, held_out
from noisyseg.errors import InputError


def parts(shown, share):
    """The classes that the images of the two parts show, of those that each image shows."""
    images = [{"id": place} for place in range(len(shown))]
    classes = {place: frozenset(some) for place, some in enumerate(shown) if some}
    both = held_out(images, share, classes)
    ids = [[image["id"] for image in part] for part in both]
    assert sorted(ids[0] + ids[1]) == list(range(len(shown)))
    assert all(part == sorted(part) for part in ids)
    return [[shown[place] for place in part] for part in ids]


@pytest.mark.parametrize(("number", "share", "out"), [(2, 0.01, 1), (3, 0.5, 2), (10, 0.2, 2)])
def test_both_parts_have_images(number, share, out):
    assert len(parts([()] * number, share)[1]) == out
    assert len(parts([(1,)] * number, share)[1]) == out
    assert len(parts([(place,) for place in range(number)], share)[1]) == out


def test_one_image_cannot_be_held_out():
    with pytest.raises(InputError, match="of one image"):
        held_out([{"id": 1}], 0.5, {})


def test_images_in_the_order_of_their_classes_leave_each_in_both_parts():
    for shown in ([(1,)] * 14 + [(2,)] * 2 + [(3,)] * 4, [(1,)] * 2 + [(2,)] * 17 + [(3,)]):
        stay, out = parts(shown, 0.15)
        assert set(stay) == set(shown)
        assert set(out) == {one for one in shown if shown.count(one) > 1}


def test_no_class_leaves_training_as_long_as_others_can_be_held_out():
    draws = random.Random(0)
    for _ in range(50):
        shown = [tuple(draws.sample(range(6), draws.randint(0, 2))) for _ in range(40)]
        stay, _ = parts(shown, 0.25)
        assert {one for some in stay for one in some} == {one for some in shown for one in some}


def test_images_of_a_class_alone_are_evenly_spaced():
    images = [{"id": place} for place in range(20)]
    _, out = held_out(images, 0.2, {place: frozenset({1}) for place in range(20)})
    assert [image["id"] for image in out] == [2, 7, 12, 17]


def test_classes_of_a_files_images(folder):
    path = folder.part("all.json", "images", number=3)
    usual = {1: {2}, 2: {3}, 3: {1}}
    assert classes_of_images(path) == usual
    path.write_text(
        path.read_text().replace('"annotations": [{"id": 1,', f'"annotations": [{{"id": {2**63},')
    )
    assert classes_of_images(path) == usual
