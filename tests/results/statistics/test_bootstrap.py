"""Draws of images, and what cannot be compared by them."""

import numpy as np
import pytest

from noisyseg.errors import InputError
from noisyseg.results.evaluation.image_matches import ClassMatches, Matches
from noisyseg.results.statistics.bootstrap import check_truth, draw_weights, drawn_precisions


def test_draws_are_of_as_many_images_with_replacement():
    weights = draw_weights(50, draws=400, seed=3)
    assert weights.shape == (400, 50)
    assert (weights.sum(axis=1) == 50).all()
    assert np.array_equal(weights, draw_weights(50, draws=400, seed=3))
    assert not np.array_equal(weights, draw_weights(50, draws=400, seed=4))
    # Var of a binomial(50, 1/50).
    assert weights.var() == pytest.approx(0.98, rel=0.05)


def found_or_missed(found):
    """An image's instance is found or missed, nothing else is: AP is linear in the recall.

    Of 100 images k found make a recall of k/100 at precision 1, so that AP is (k + 1) / 101.
    """
    images = len(found)
    entry = ClassMatches(
        image=np.arange(images),
        right=np.tile(found, (10, 1)),
        counts=np.tile(found, (10, 1)),
        instances=np.ones(images, dtype=np.int64),
    )
    return Matches(image_ids=tuple(range(images)), classes=(entry,))


def test_drawn_precisions_spread_as_a_binomial_does():
    found = np.arange(100) < 60
    drawn = drawn_precisions(found_or_missed(found), draws=2000, seed=1)
    assert drawn.mean() == pytest.approx(100 * 61 / 101, abs=0.5)
    assert drawn.std() == pytest.approx(100 * 100 / 101 * np.sqrt(0.6 * 0.4 / 100), rel=0.06)


def test_other_images_are_refused():
    first, second = (found_or_missed(np.ones(images, dtype=bool)) for images in (10, 11))
    check_truth({"one": first, "other": first})
    wanted = "one and third: a paired bootstrap needs the same images: got 10 and 11, 10 shared"
    with pytest.raises(InputError, match=wanted):
        check_truth({"one": first, "other": first, "third": second})


def test_other_instances_are_refused():
    only = found_or_missed(np.ones(10, dtype=bool))
    entry = only.classes[0]
    more = ClassMatches(
        image=entry.image,
        right=entry.right,
        counts=entry.counts,
        instances=entry.instances + 1,
    )
    for classes in ((more,), (entry, entry)):
        other = Matches(image_ids=only.image_ids, classes=classes)
        with pytest.raises(InputError, match="the same instances: got 10 of 1 classes and 20 of"):
            check_truth({"one": only, "other": other})
