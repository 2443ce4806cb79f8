"""Pairs of methods: the test of each, and how often equal methods are told apart."""

import math

import numpy as np
import pytest
from scipy import optimize, special, stats

from noisyseg.results.statistics.differences import differences_of, independent


def values_of(table):
    """An array (M, n) as methods and seeds."""
    return {f"m{m}": dict(enumerate(row)) for m, row in enumerate(np.asarray(table).tolist())}


def test_two_methods_are_told_apart_by_a_paired_t_test():
    table = np.array([[30.0, 28.5, 33.0, 29.0], [31.0, 31.5, 33.5, 30.0]])
    (pair,) = differences_of(values_of(table)).known
    wanted = stats.ttest_rel(*table)
    interval = wanted.confidence_interval()
    assert (pair.mean - pair.half, pair.mean + pair.half) == pytest.approx(tuple(interval))
    assert pair.apart == (wanted.pvalue < 0.05)


def test_methods_that_spread_alike_share_their_spread():
    """With degrees of freedom and mean square of the two-way layout: ten seeds, nearly alike."""
    random = np.random.default_rng(12)
    table = random.normal(0, 1, (4, 10)) + random.normal(0, 5, 10)
    found = differences_of(values_of(table))
    assert math.isinf(found.prior.degrees)
    rest = table - table.mean(1, keepdims=True) - table.mean(0) + table.mean()
    sd = math.sqrt(2 * (rest**2).sum() / 27)
    for pair in found.known:
        assert pair.sd == pytest.approx(sd)
        assert pair.half == pytest.approx(stats.t.ppf(1 - 0.025 / 6, 27) * sd / math.sqrt(10))


def test_a_method_that_varies_more_does_not_widen_the_others_intervals():
    random = np.random.default_rng(3)
    table = random.normal(0, 1, (6, 5)) * np.array([[1], [1], [1], [1], [1], [10]])
    found = {(pair.one, pair.other): pair.half for pair in differences_of(values_of(table)).known}
    quiet = [half for pair, half in found.items() if "m5" not in pair]
    loud = [half for pair, half in found.items() if "m5" in pair]
    assert max(quiet) < min(loud) / 2


@pytest.mark.parametrize(
    ("name", "spreads", "seeds", "most"),
    [
        # 5 % of 1000 tables is 50, and twice its standard deviation 14 more.
        ("alike", np.ones(6), 3, 0.064),
        ("alike", np.ones(9), 5, 0.064),
        # Where one varies six times as much as others, three seeds say too little of it.
        ("one loud", np.r_[6, np.ones(8)], 3, 0.13),
        ("one loud", np.r_[6, np.ones(8)], 5, 0.075),
        ("half loud", np.r_[4, 4, 4, np.ones(3)], 5, 0.085),
        ("uneven", np.linspace(0.5, 3, 9), 5, 0.085),
    ],
)
def test_how_often_equal_methods_are_told_apart(name, spreads, seeds, most):
    random = np.random.default_rng(len(spreads) * seeds)
    wrong = 0
    for _ in range(1000):
        table = random.normal(size=(len(spreads), seeds)) * spreads[:, None]
        table += random.normal(0, 2, seeds)  # what a seed shifts for all
        wrong += any(pair.apart for pair in differences_of(values_of(table)).known)
    assert wrong / 1000 <= most, name


def test_each_pair_has_the_seeds_that_it_shares():
    values = {
        "ce": {0: 1.0, 1: 2.0, 2: 3.5},
        "sce": {0: 1.5, 1: 2.7},
        "lsr": {1: 7.0, 2: 8.0},
        "gce": {},
    }
    found = differences_of(values)
    assert found.pairs == 3
    assert {(pair.one, pair.other): pair.seeds for pair in found.known} == {
        ("ce", "sce"): 2,
        ("ce", "lsr"): 2,
    }
    assert found.known[1].mean == pytest.approx(-4.75)


def test_a_baseline_leaves_its_own_pairs():
    values = values_of(np.random.default_rng(0).normal(size=(5, 4)))
    found = differences_of(values, baseline="m2")
    assert found.pairs == len(found.known) == 4
    assert all("m2" in (pair.one, pair.other) for pair in found.known)
    # All pairs tell how seeds spread, four share the 5 %.
    every = differences_of(values)
    assert found.prior == every.prior
    own = {(pair.one, pair.other): pair for pair in every.known}
    for pair in found.known:
        assert pair.sd == own[pair.one, pair.other].sd
        assert pair.half < own[pair.one, pair.other].half
    assert differences_of(values, baseline="absent").pairs == 0


def test_runs_that_share_a_seed_are_no_new_draws():
    product = [(noise, train) for noise in range(3) for train in range(3)]
    assert independent(product) == [(0, 0), (1, 1), (2, 2)]
    assert independent([(0, 0), (1, 0), (2, 0)]) == [(0, 0)]
    assert independent([(0, 0), (0, 1), (1, 0)]) == [(0, 1), (1, 0)]
    assert independent([(None, 0), (None, 1)]) == [(None, 0), (None, 1)]
    assert independent([3, 4]) == [3, 4]


def test_nothing_is_known_of_one_seed_or_one_method():
    assert differences_of({"ce": {0: 1.0}, "sce": {0: 2.0}}).known == []
    assert differences_of({"ce": {0: 1.0, 1: 2.0}}).pairs == 0
    assert differences_of({}).pairs == 0


def test_equal_numbers_have_no_spread_whatever_the_order_of_sums():
    """A difference without spread is not told from 0: another seed might give another."""
    values = {"a": dict.fromkeys(range(3), 0.1), "b": dict.fromkeys(range(3), 0.4)}
    found = differences_of(values)
    assert (found.pairs, found.known, found.constant) == (1, [], 1)


def test_methods_that_collapsed_to_one_number_do_not_widen_the_others_intervals():
    table = np.random.default_rng(8).normal(0, 1, (6, 4))
    halves = {(p.one, p.other): p.half for p in differences_of(values_of(table)).known}
    fallen = differences_of(values_of(np.concatenate([table, np.zeros((2, 4))])))
    for pair in fallen.known:
        if (pair.one, pair.other) in halves:
            assert pair.half < 1.35 * halves[pair.one, pair.other]  # for 28 comparisons, not 15


def test_methods_with_one_seed_take_no_share_of_the_5_percent():
    table = values_of(np.random.default_rng(8).normal(0, 1, (3, 4)))
    alone = differences_of(table)
    more = differences_of(table | {f"new{n}": {0: 1.0} for n in range(20)})
    assert more.pairs == 23 * 22 / 2
    assert [pair.half for pair in more.known] == [pair.half for pair in alone.known]


def test_it_is_the_published_formula():
    """fitFDist and squeezeVar of limma, written out once more with scipy's own inverse."""
    table = np.random.default_rng(2).normal(size=(5, 4)) * np.array([[1], [1], [1], [3], [8]])
    found = differences_of(values_of(table))
    rows = [table[int(p.one[1])] - table[int(p.other[1])] for p in found.known]
    s2 = np.array([np.var(row, ddof=1) for row in rows])
    z = np.log(s2) - special.digamma(1.5) + math.log(1.5)
    excess = np.var(z, ddof=1) - special.polygamma(1, 1.5)
    half = optimize.brentq(lambda x: special.polygamma(1, x) - excess, 1e-3, 1e3)
    s02 = math.exp(z.mean() + special.digamma(half) - math.log(half))
    wanted = np.sqrt((2 * half * s02 + 3 * s2) / (2 * half + 3))
    assert [pair.sd for pair in found.known] == pytest.approx(list(wanted))
    assert found.known[0].degrees == pytest.approx(min(2 * half + 3, 4 * 3))
