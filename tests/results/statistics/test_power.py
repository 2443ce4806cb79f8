import math

import numpy as np
import pytest
from scipy import stats

from noisyseg.errors import InputError
from noisyseg.results.statistics.power import (
    MOST_SEEDS,
    comparisons,
    images_part,
    layout_of,
    least_seen,
    least_significant,
    power_of,
    seeds_needed,
    spread_of,
)

# Shrout & Fleiss (Psychological Bulletin 86, 1979), table 2: six targets, four judges.
RATINGS = np.array(
    [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], float
)


def drawn(random, *, methods, seeds, effects=None, sd_seed=2.0, sd_rest=1.0):
    """A layout by its model; the seeds' own effect is large, so that pairing matters."""
    rest = random.normal(0, sd_rest, (methods, seeds))
    own = np.zeros(methods) if effects is None else np.asarray(effects)
    return 30 + own[:, None] + random.normal(0, sd_seed, (1, seeds)) + rest


def is_told(values, first, second, pairs):
    """The test that power is told of, by numpy and scipy's distribution alone."""
    m, n = values.shape
    rest = values - values.mean(1, keepdims=True) - values.mean(0, keepdims=True) + values.mean()
    degrees = (m - 1) * (n - 1)
    error = math.sqrt(2 * (rest**2).sum() / degrees / n)
    difference = values[first].mean() - values[second].mean()
    return 2 * stats.t.sf(abs(difference) / error, degrees) * pairs < 0.05


# What is known of the layout


def test_reliability_is_shrout_and_fleiss_published_one():
    """ICC(3, 1) = .71 and ICC(3, 4) = .91 in their table 4."""
    spread = spread_of(RATINGS)
    assert spread.one_seed.value == pytest.approx(0.71, abs=0.005)
    assert spread.all_seeds.value == pytest.approx(0.91, abs=0.005)


def test_the_spread_of_a_difference_of_two_methods_is_that_of_their_differences():
    values = np.array([[30.0, 28.5, 33.0, 29.0], [31.0, 31.5, 33.5, 30.0]])
    spread = spread_of(values)
    assert spread.difference.value == pytest.approx(np.std(values[1] - values[0], ddof=1))
    wanted = math.sqrt((np.var(values[0], ddof=1) + np.var(values[1], ddof=1)) / 2)
    assert spread.cell == pytest.approx(wanted)


def test_two_methods_are_told_apart_where_a_paired_t_test_tells_them():
    values = np.array([[30.0, 28.5, 33.0, 29.0], [31.0, 31.5, 33.5, 30.0]])
    sd = spread_of(values).difference.value
    least = least_significant(sd, seeds=4, methods=2, pairs=1)
    shifted = values + np.array([[0.0], [least - (values[1] - values[0]).mean()]])
    assert stats.ttest_rel(*shifted).pvalue == pytest.approx(0.05)


def test_intervals_hold_the_truth_as_often_as_they_say():
    random = np.random.default_rng(5)
    held = np.zeros(2)
    truth = 4 / (4 + 1)  # variance of methods 4, of the rest 1
    for _ in range(1000):
        values = drawn(random, methods=6, seeds=4, effects=random.normal(0, 2, 6))
        spread = spread_of(values)
        held += [
            spread.difference.low <= math.sqrt(2) <= spread.difference.high,
            spread.one_seed.low <= truth <= spread.one_seed.high,
        ]
    assert np.all((held / 1000 > 0.93) & (held / 1000 < 0.97))


def test_methods_that_differ_by_nothing_have_no_reliability():
    random = np.random.default_rng(1)
    found = [spread_of(drawn(random, methods=6, seeds=5)).one_seed.value for _ in range(400)]
    assert abs(np.mean(found)) < 0.02


@pytest.mark.parametrize(
    ("values", "one_seed", "sd"),
    [
        (np.array([[1.0, 1.0], [2.0, 2.0]]), 1.0, 0.0),
        (np.array([[0.1, 0.4], [0.3, 0.6]]), 1.0, 0.0),  # but for the last bit
        (np.full((3, 3), 0.1), 0.0, 0.0),
    ],
)
def test_seeds_that_change_nothing(values, one_seed, sd):
    spread = spread_of(values)
    assert spread.one_seed == (one_seed, one_seed, one_seed)
    assert spread.difference == (sd, sd, sd)


@pytest.mark.parametrize("values", [np.ones((1, 5)), np.ones((5, 1)), np.ones(4)])
def test_one_of_a_kind_tells_nothing(values):
    with pytest.raises(InputError, match="at least 2 methods with 2 seeds"):
        spread_of(values)


def test_a_number_that_is_not_finite_is_refused():
    with pytest.raises(InputError, match="no finite number"):
        spread_of(np.array([[1.0, math.nan], [2.0, 3.0]]))


def test_seeds_that_a_method_lacks_are_left_out_and_named():
    layout = layout_of({"ce": {0: 1.0, 1: 2.0, 2: 3.0}, "sce": {2: 4.0, 0: 5.0}, "gce": {}})
    assert (layout.methods, layout.seeds) == (["ce", "sce"], [0, 2])
    assert layout.values.tolist() == [[1.0, 3.0], [5.0, 4.0]]
    assert layout.left_out == [("ce", 1)]


def test_nothing_at_all_is_a_layout_of_nothing():
    assert layout_of({}).methods == layout_of({"ce": {}}).methods == []


# Power


@pytest.mark.parametrize(
    ("methods", "seeds", "difference", "baseline"),
    [
        (2, 3, 3.0, False),
        (6, 5, 2.0, False),
        (6, 5, 2.0, True),
        (9, 8, 1.5, False),
        (3, 2, 6.0, True),
    ],
)
def test_power_is_what_simulated_tables_give(methods, seeds, difference, baseline):
    """Within 5 points; the simulated test is not ours but numpy's and scipy.stats'."""
    random = np.random.default_rng(methods * seeds)
    pairs = comparisons(methods, baseline=baseline)
    effects = np.linspace(0, -1, methods)
    effects[1] = effects[0] + difference
    told = [
        is_told(drawn(random, methods=methods, seeds=seeds, effects=effects), 0, 1, pairs)
        for _ in range(2000)
    ]
    stated = power_of(difference, math.sqrt(2), seeds=seeds, methods=methods, pairs=pairs)
    assert 0.2 < stated < 0.999
    assert np.mean(told) == pytest.approx(stated, abs=0.05)


def test_the_seeds_that_a_pilot_asks_for_see_the_difference():
    """From a pilot's spread to seeds to simulated tables: over pilots, 80 % within 5 points."""
    random = np.random.default_rng(7)
    pairs, seen = comparisons(6), []
    for _ in range(300):
        pilot = spread_of(drawn(random, methods=6, seeds=8))
        seeds = seeds_needed(2.0, pilot.difference.value, methods=6, pairs=pairs)
        effects = [0, 2, -1, -1, -1, -1]
        for _ in range(10):
            table = drawn(random, methods=6, seeds=seeds, effects=effects)
            seen.append(is_told(table, 0, 1, pairs))
    assert np.mean(seen) == pytest.approx(0.8, abs=0.05)


def test_tables_of_equal_methods_tell_any_two_apart_in_at_most_a_twentieth():
    random = np.random.default_rng(3)
    pairs = comparisons(6)
    wrong = 0
    for _ in range(1000):
        values = drawn(random, methods=6, seeds=5)
        sd = spread_of(values).difference.value
        least = least_significant(sd, seeds=5, methods=6, pairs=pairs)
        means = values.mean(axis=1)
        wrong += means.max() - means.min() > least
    assert wrong <= 65  # 50, and twice its spread


def test_fewest_seeds_and_smallest_difference_are_where_power_reaches_80_percent():
    own = {"methods": 6, "pairs": 15}
    seeds = seeds_needed(2.0, 1.5, **own)
    assert power_of(2.0, 1.5, seeds=seeds, **own) >= 0.8
    assert power_of(2.0, 1.5, seeds=seeds - 1, **own) < 0.8
    least = least_seen(1.5, seeds=5, **own)
    assert power_of(least, 1.5, seeds=5, **own) == pytest.approx(0.8, abs=1e-4)


def test_more_seeds_than_can_be_told_are_not_told():
    assert seeds_needed(0.01, 5.0, methods=6, pairs=15) is None
    assert seeds_needed(1.0, 5.0, methods=6, pairs=15) <= MOST_SEEDS


def test_without_spread_two_seeds_see_everything():
    assert seeds_needed(1.0, 0.0, methods=3, pairs=3) == 2
    assert least_seen(0.0, seeds=2, methods=3, pairs=3) == 0


def test_power_is_a_chance_over_all_sizes():
    for difference in (1e-6, 0.1, 10.0, 1e6):
        for seeds in (2, 30, MOST_SEEDS):
            found = power_of(difference, 1.0, seeds=seeds, methods=9, pairs=36)
            assert 0 <= found <= 1, (difference, seeds)
    assert power_of(1e6, 1.0, seeds=2, methods=2, pairs=1) > 0.999


# Evaluation images


def test_the_images_part_is_the_spread_over_draws():
    random = np.random.default_rng(2)
    shared = random.normal(0, 3, (4000, 1, 1))  # of all methods alike: in no difference
    drawn_numbers = shared + random.normal(0, 1, (4000, 5, 1)) + np.zeros((4000, 5, 3))
    cell, difference = images_part(drawn_numbers)
    assert cell == pytest.approx(math.sqrt(10), rel=0.05)
    assert difference == pytest.approx(math.sqrt(2), rel=0.05)


def test_draws_without_a_number_are_left_out():
    numbers = np.random.default_rng(0).normal(size=(50, 2, 2))
    wanted = images_part(numbers)
    holes = np.concatenate([numbers, np.full((3, 2, 2), math.nan)])
    assert images_part(holes) == wanted
    assert all(map(math.isnan, images_part(numbers[:1])))
