"""The best of a column and its ties are those of the tables' own test."""

import math

from noisyseg.results.tables.standings import BEST, TIE, standings

SHIFTS = (-3.0, 0.0, 2.0, 1.0)
ERRORS = {"ce": (0.1, -0.1, 0.0, 0.2), "gce": (0.0, 0.1, -0.2, 0.1), "sce": (-0.1, 0.1, 0.1, 0.0)}


def cells(noise="sym40", seeds=4, **averages):
    return {
        (method, noise): {
            (seed, seed): ("done", average + SHIFTS[seed] + ERRORS[method][seed])
            for seed in range(seeds)
        }
        for method, average in averages.items()
    }


def test_what_is_told_from_the_best_has_no_mark():
    assert standings(cells(ce=20.0, gce=25.0, sce=30.0)) == {("sce", "sym40"): BEST}


def test_what_is_not_told_from_the_best_ties_with_it():
    found = standings(cells(ce=20.0, gce=30.0, sce=30.03))
    assert found == {("sce", "sym40"): BEST, ("gce", "sym40"): TIE}


def test_what_lies_above_the_best_at_the_seeds_of_both_ties_with_it():
    """The best by its mean, thanks to a seed that the other lacks."""
    own = {"ce": [30.0, 30.3, 29.9, 60.0], "gce": [35.0, 35.2, 34.9], "sce": [20.1, 20.2, 20.0]}
    found = standings(
        {
            (method, "sym40"): {(seed, seed): ("done", x) for seed, x in enumerate(numbers)}
            for method, numbers in own.items()
        }
    )
    assert found == {("ce", "sym40"): BEST, ("gce", "sym40"): TIE}


def test_each_setting_has_its_own():
    both = cells(ce=30.0, gce=20.0) | cells("clean", ce=20.0, gce=30.0)
    assert standings(both) == {("ce", "sym40"): BEST, ("gce", "clean"): BEST}


def test_nothing_is_said_where_nothing_can_be_tested():
    assert standings(cells(ce=20.0, sce=30.0, seeds=1)) == {}
    assert standings(cells(ce=20.0)) == {}
    assert standings({}) == {}
    failed = cells(ce=20.0) | {("sce", "sym40"): {(0, 0): ("failed", math.nan)}}
    assert standings(failed) == {}


def test_a_method_with_one_seed_has_no_mark():
    found = standings(cells(ce=20.0, gce=20.1) | cells(sce=10.0, seeds=1))
    assert ("sce", "sym40") not in found
    assert found["gce", "sym40"] == BEST
