import math

import numpy as np
import pytest

from noisyseg.results.statistics.moderated import Prior, moderated, prior_of


@pytest.mark.parametrize("degrees", [2, 4])
@pytest.mark.parametrize("prior", [3.0, 10.0])
def test_the_prior_that_variances_were_drawn_from_is_found(degrees, prior):
    """Smyth's model: sigma² = d0 s0² / chi²(d0), s² = sigma² chi²(d) / d."""
    random = np.random.default_rng(4)
    true = prior * 2.25 / random.chisquare(prior, 20_000)
    found = prior_of(true * random.chisquare(degrees, 20_000) / degrees, [degrees] * 20_000)
    assert found.variance == pytest.approx(2.25, rel=0.05)
    assert found.degrees == pytest.approx(prior, rel=0.2)


def test_variances_that_are_alike_are_pooled():
    found = prior_of([1.0, 1.1, 0.9], [4, 4, 2])
    assert found == Prior(variance=pytest.approx((4 + 4.4 + 1.8) / 10), degrees=math.inf)
    assert moderated(5.0, 4, found) == found.variance


def test_a_variance_lies_between_its_own_and_the_common_one():
    found = prior_of([1.0, 1.0, 1.0, 400.0], [4] * 4)
    assert 0 < found.degrees < 4
    assert found.variance < moderated(400.0, 4, found) < 400.0
    weights = np.array([found.degrees, 4])
    wanted = np.average([found.variance, 400.0], weights=weights)
    assert moderated(400.0, 4, found) == pytest.approx(wanted)


def test_one_variance_stands_alone():
    assert moderated(3.0, 2, prior_of([3.0], [2])) == 3.0


def test_no_spread_at_all():
    assert moderated(0.0, 2, prior_of([0.0, 0.0], [2, 2])) == 0.0


def test_a_variance_of_0_does_not_decide():
    found = prior_of([0.0, 1.0, 1.1, 0.9], [4] * 4)
    assert 0.001 < found.variance < 10
    assert found.degrees > 0
