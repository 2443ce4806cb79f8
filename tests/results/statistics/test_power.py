import math

import numpy as np
import pytest

from noisyseg.results.statistics.differences import comparisons, differences_of
from noisyseg.results.statistics.power import (
    MOST_SEEDS,
    Design,
    least_seen,
    likely_spreads,
    power_of,
    seeds_needed,
)
from noisyseg.results.statistics.spread import spread_of


def drawn(random, *, methods, seeds, effects=None, sd_seed=2.0, sd_rest=1.0):
    """A layout by its model; the seeds' own effect is large, so that pairing matters."""
    rest = random.normal(0, sd_rest, (methods, seeds))
    own = np.zeros(methods) if effects is None else np.asarray(effects)
    return 30 + own[:, None] + random.normal(0, sd_seed, (1, seeds)) + rest


def values_of(table):
    """An array (M, n) as methods and seeds."""
    return {m: dict(enumerate(row)) for m, row in enumerate(table.tolist())}


def is_told(table, first, second, baseline=None):
    """Whether the pair is told apart in a table."""
    found = differences_of(values_of(table), baseline=baseline).known
    return next(pair.apart for pair in found if {pair.one, pair.other} == {first, second})


@pytest.mark.parametrize(
    ("methods", "seeds", "difference", "baseline"),
    [
        (2, 3, 3.0, False),
        (6, 5, 2.0, False),
        (6, 5, 2.0, True),
        (9, 8, 1.5, False),
        (9, 3, 3.5, False),
        (3, 2, 6.0, True),
    ],
)
def test_power_is_what_simulated_tables_give(methods, seeds, difference, baseline):
    """Within 5 points. The test that tables are put to is held to scipy's in test_differences."""
    random = np.random.default_rng(methods * seeds)
    design = Design(methods=methods, pairs=comparisons(methods, baseline=baseline))
    effects = np.linspace(0, -1, methods)
    effects[1] = effects[0] + difference
    told = [
        is_told(
            drawn(random, methods=methods, seeds=seeds, effects=effects),
            0,
            1,
            baseline=0 if baseline else None,
        )
        for _ in range(1000)
    ]
    stated = power_of(difference, math.sqrt(2), seeds=seeds, design=design)
    assert 0.2 < stated < 0.999
    assert np.mean(told) == pytest.approx(stated, abs=0.05)


@pytest.mark.parametrize(
    ("methods", "seeds", "difference"), [(3, 2, 6.0), (6, 2, 9.0), (9, 2, 9.0), (9, 3, 4.5)]
)
def test_what_tables_of_few_seeds_say_of_themselves_is_right_on_the_whole(
    methods, seeds, difference
):
    """Each table states power by what its own pairs' spreads are worth; the mean of it over tables
    is what they find, though of methods known to be alike more would be stated."""
    random = np.random.default_rng(100 * methods + seeds)
    effects = np.zeros(methods)
    effects[1] = difference
    told, stated = [], []
    for _ in range(600):
        found = differences_of(
            values_of(drawn(random, methods=methods, seeds=seeds, effects=effects))
        )
        design = Design(methods=methods, pairs=len(found.known), prior=found.prior.degrees)
        stated.append(power_of(difference, math.sqrt(2), seeds=seeds, design=design))
        told.append(next(p.apart for p in found.known if {p.one, p.other} == {0, 1}))
    assert 0.3 < np.mean(told) < 0.95
    assert np.mean(told) == pytest.approx(np.mean(stated), abs=0.05)


@pytest.mark.parametrize(("methods", "seeds"), [(2, 3), (4, 3), (6, 3), (6, 8)])
def test_the_seeds_that_a_pilot_asks_for_see_the_difference(methods, seeds):
    """From a pilot's spread to seeds to power: over pilots at least 80 %, and not much more."""
    random = np.random.default_rng(7)
    truth = Design(methods=methods, pairs=comparisons(methods))
    seen = []
    for _ in range(200):
        pilot = drawn(random, methods=methods, seeds=seeds)
        prior = differences_of(values_of(pilot)).prior.degrees
        spread = spread_of(pilot, prior=prior)
        design = Design(methods=methods, pairs=truth.pairs, prior=prior)
        likely = likely_spreads(spread.difference.value, spread.degrees)
        found = seeds_needed(2.0, likely, design) or MOST_SEEDS
        seen.append(power_of(2.0, math.sqrt(2), seeds=found, design=truth))
    assert 0.76 < np.mean(seen) < 0.92


def test_likely_spreads_are_those_that_the_measured_one_is_drawn_from():
    """chi² of the measured variance: a twentieth of them lie above its 95th percentile."""
    found = np.array(likely_spreads(2.0, 6))
    bound = 2.0 * math.sqrt(6 / 1.635)  # chi² of 6 degrees: 5 % lie below 1.635
    assert np.mean(found > bound) == pytest.approx(0.05, abs=0.01)
    assert np.mean(found < 2.0 * math.sqrt(6 / 5.348)) == pytest.approx(0.5, abs=0.01)


def test_fewest_seeds_and_smallest_difference_are_where_power_reaches_80_percent():
    design = Design(methods=6, pairs=15)
    seeds = seeds_needed(2.0, [1.5], design)
    assert power_of(2.0, 1.5, seeds=seeds, design=design) >= 0.8
    assert power_of(2.0, 1.5, seeds=seeds - 1, design=design) < 0.8
    least = least_seen(1.5, seeds=5, design=design)
    assert power_of(least, 1.5, seeds=5, design=design) == pytest.approx(0.8, abs=1e-4)


def test_less_is_known_where_pairs_spread_differently():
    alike, uneven = Design(methods=6, pairs=15), Design(methods=6, pairs=15, prior=1.0)
    assert (alike.degrees(5), uneven.degrees(5)) == (20, 5)
    assert seeds_needed(2.0, [1.5], uneven) > seeds_needed(2.0, [1.5], alike)


def test_more_seeds_than_can_be_told_are_not_told():
    design = Design(methods=6, pairs=15)
    assert seeds_needed(0.01, [5.0], design) is None
    assert seeds_needed(1.0, [5.0], design) <= MOST_SEEDS


def test_without_spread_two_seeds_see_everything():
    design = Design(methods=3, pairs=3)
    assert seeds_needed(1.0, [0.0], design) == 2
    assert least_seen(0.0, seeds=2, design=design) == 0


def test_power_is_a_chance_over_all_sizes():
    design = Design(methods=9, pairs=36)
    for difference in (1e-6, 0.1, 10.0, 1e6):
        for seeds in (2, 30, MOST_SEEDS):
            found = power_of(difference, 1.0, seeds=seeds, design=design)
            assert 0 <= found <= 1, (difference, seeds)
    assert power_of(1e6, 1.0, seeds=2, design=Design(methods=2, pairs=1)) > 0.999
