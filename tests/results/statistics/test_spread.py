import math

import numpy as np
import pytest
from scipy import stats

from noisyseg.errors import InputError
from noisyseg.results.statistics.spread import cell_spread, images_part, layout_of, spread_of

# Shrout & Fleiss (Psychological Bulletin 86, 1979), table 2: six targets, four judges.
RATINGS = np.array(
    [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], float
)


def drawn(random, *, methods, seeds, effects=None, sd_seed=2.0, sd_rest=1.0):
    """A layout by its model; the seeds' own effect is large, so that pairing matters."""
    rest = random.normal(0, sd_rest, (methods, seeds))
    own = np.zeros(methods) if effects is None else np.asarray(effects)
    return 30 + own[:, None] + random.normal(0, sd_seed, (1, seeds)) + rest


# What is known of the layout


def test_reliability_is_shrout_and_fleiss_published_one():
    """ICC(3, 1) = .71 and ICC(3, 4) = .91 in their table 4."""
    spread = spread_of(RATINGS)
    assert spread.one_seed.value == pytest.approx(0.71, abs=0.005)
    assert spread.all_seeds.value == pytest.approx(0.91, abs=0.005)


def test_its_interval_is_mcgraw_and_wongs():
    """Their formulas for ICC(C,1) and ICC(C,k), written out with scipy.stats' F distribution."""
    f = 11.245 / 1.019  # MSR 11.24, MSE 1.02 in Shrout & Fleiss's table 3, to more digits
    low, high = f / stats.f.ppf(0.975, 5, 15), f * stats.f.ppf(0.975, 15, 5)
    spread = spread_of(RATINGS)
    one = [(bound - 1) / (bound + 3) for bound in (low, high)]
    assert spread.one_seed[1:] == pytest.approx(one, abs=0.001)
    assert spread.all_seeds[1:] == pytest.approx([1 - 1 / low, 1 - 1 / high], abs=0.001)


def test_the_spread_of_a_difference_of_two_methods_is_that_of_their_differences():
    values = np.array([[30.0, 28.5, 33.0, 29.0], [31.0, 31.5, 33.5, 30.0]])
    spread = spread_of(values)
    assert spread.difference.value == pytest.approx(np.std(values[1] - values[0], ddof=1))


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


def test_a_method_that_lacks_most_seeds_is_left_out_and_not_they():
    seeds = {0: 1.0, 1: 2.0, 2: 3.0}
    layout = layout_of({"ce": seeds, "new": {1: 7.0}, "sce": seeds, "lsr": seeds})
    assert (layout.methods, layout.seeds) == (["ce", "sce", "lsr"], [0, 1, 2])
    assert layout.left_out == [("new", 1)]


def test_two_methods_that_share_seeds_are_found_among_others_that_do_not():
    values = {"ce": {0: 1.0, 1: 2.0}, "lsr": {0: 2.0, 1: 4.0}, "gce": {1: 1.0, 2: 2.0}}
    layout = layout_of(values)
    assert (layout.methods, layout.seeds) == (["ce", "lsr"], [0, 1])


def test_of_runs_that_share_a_seed_the_first_count():
    product = {(noise, train): 1.0 * noise + train for noise in (0, 1) for train in (0, 1)}
    layout = layout_of({"ce": product, "sce": product})
    assert layout.seeds == [(0, 0), (1, 1)]
    assert ("ce", (0, 1)) in layout.left_out


def test_a_cells_spread_needs_no_second_method():
    values = {"ce": {0: 30.0, 1: 28.5, 2: 33.0}, "sce": {0: 3.0}, "gce": {1: 1.0, 2: 2.0}}
    squares = 2 * np.var([30.0, 28.5, 33.0], ddof=1) + np.var([1.0, 2.0], ddof=1)
    assert cell_spread(values) == pytest.approx(math.sqrt(squares / 3))
    assert math.isnan(cell_spread({"ce": {0: 1.0}}))


def test_nothing_at_all_is_a_layout_of_nothing():
    assert layout_of({}).methods == layout_of({"ce": {}}).methods == []


# Evaluation images


def test_the_images_part_is_the_spread_over_draws():
    random = np.random.default_rng(2)
    shared = random.normal(0, 3, (4000, 1, 1))  # of all methods alike: in no difference
    drawn_numbers = shared + random.normal(0, 1, (4000, 5, 1)) + np.zeros((4000, 5, 3))
    cell, difference = images_part(drawn_numbers)
    assert cell == pytest.approx(math.sqrt(10), rel=0.05)
    assert difference == pytest.approx(math.sqrt(2), rel=0.05)


def test_one_method_alone_has_an_images_part_of_its_cell():
    cell, difference = images_part(np.random.default_rng(0).normal(0, 2, (4000, 1, 3)))
    assert cell == pytest.approx(2, rel=0.05)
    assert math.isnan(difference)


def test_draws_without_a_number_are_left_out():
    numbers = np.random.default_rng(0).normal(size=(50, 2, 2))
    wanted = images_part(numbers)
    holes = np.concatenate([numbers, np.full((3, 2, 2), math.nan)])
    assert images_part(holes) == wanted
    assert all(map(math.isnan, images_part(numbers[:1])))
