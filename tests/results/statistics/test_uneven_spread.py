"""The F test of a method's spread against the others': its level, its power, what it leaves."""

import numpy as np
import pytest

from noisyseg.results.statistics.uneven_spread import uneven_methods


def values_of(table):
    return {f"m{place}": dict(enumerate(row.tolist())) for place, row in enumerate(table)}


@pytest.mark.parametrize(("methods", "seeds"), [(3, 3), (6, 3), (20, 5), (4, 2)])
def test_methods_that_vary_alike_are_named_in_ten_percent(methods, seeds):
    """Whatever seeds shift for all, and however far apart the methods are."""
    generator = np.random.default_rng([methods, seeds])
    shares = []
    for _ in range(1200):
        table = generator.normal(size=(methods, seeds)) + 5 * generator.normal(size=seeds)
        table += 10 * generator.normal(size=(methods, 1))
        shares.append("m0" in uneven_methods(values_of(table)))
    assert np.mean(shares) == pytest.approx(0.1, abs=0.03)


def test_a_method_that_varies_six_times_as_much_is_named():
    generator = np.random.default_rng(5)
    found = 0
    for _ in range(200):
        table = generator.normal(size=(9, 5))
        table[4] *= 6
        found += "m4" in uneven_methods(values_of(table))
    assert found / 200 >= 0.98


def test_too_few_methods_or_seeds_say_nothing():
    generator = np.random.default_rng(2)
    assert uneven_methods(values_of(generator.normal(size=(2, 9)))) == set()
    assert uneven_methods(values_of(generator.normal(size=(9, 1)))) == set()
    assert uneven_methods({}) == set()


def test_others_that_do_not_vary_are_no_measure():
    table = np.full((5, 3), 20.0)
    table[0] = [20.0, 21.0, 22.0]
    assert uneven_methods(values_of(table)) == set()
