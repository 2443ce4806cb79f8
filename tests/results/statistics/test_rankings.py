"""Ranks and groups, from tests that are given."""

from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from noisyseg.results.statistics.pair_tests import PairTest
from noisyseg.results.statistics.rankings import Rank, ranking, ranks


def given(means, apart):
    """Tests of every two methods: p 1e-6 where they are told apart, 0.5 elsewhere."""
    return {
        frozenset(pair): PairTest(
            one=pair[0],
            other=pair[1],
            seeds=3,
            difference=means[pair[0]] - means[pair[1]],
            low=-1.0,
            high=1.0,
            p=1e-6 if set(pair) in apart else 0.5,
            least=0.0,
            better=0.5,
        )
        for pair in combinations(means, 2)
    }


def test_ranks_lie_between_those_told_above_and_those_told_below():
    means = {"low": 1.0, "top": 9.0, "middle": 5.0}
    found = ranking(means, given(means, [{"top", "low"}]))
    assert list(found.means) == ["top", "middle", "low"]
    assert found.ranks == {
        "low": Rank(3.0, 2, 3),
        "top": Rank(1.0, 1, 2),
        "middle": Rank(2.0, 1, 3),
    }
    assert found.groups == [["top", "middle"], ["middle", "low"]]
    assert found.comparisons == 3


def test_nothing_told_apart_and_everything_told_apart():
    means = {"a": 3.0, "b": 3.0, "c": 1.0}
    found = ranking(means, given(means, []))
    assert found.groups == [["a", "b", "c"]]
    assert found.ranks["a"] == found.ranks["b"] == Rank(1.5, 1, 3)
    every = ranking(means, given(means, [{"a", "b"}, {"a", "c"}, {"b", "c"}]))
    assert every.groups == []
    assert ranking({"alone": 1.0}, {}).ranks == {"alone": Rank(1.0, 1, 1)}


def test_a_group_need_not_be_a_stretch_of_the_order():
    """b varies little and is told from both; a and c, further apart, are not from each other."""
    means = {"a": 3.0, "b": 2.0, "c": 1.0}
    found = ranking(means, given(means, [{"a", "b"}, {"b", "c"}]))
    assert found.groups == [["a", "c"]]


def test_two_methods_without_a_test_are_not_told_apart():
    means = {"a": 3.0, "b": 2.0, "c": 1.0}
    tests = given(means, [{"a", "b"}, {"a", "c"}])
    del tests[frozenset("bc")]
    assert ranking(means, tests).groups == [["b", "c"]]


@pytest.mark.parametrize("seed", range(5))
def test_two_methods_share_a_group_if_and_only_if_they_are_not_told_apart(seed):
    generator = np.random.default_rng(seed)
    means = {f"m{n}": float(n) for n in range(9)}
    pairs = [set(pair) for pair in combinations(means, 2)]
    apart = [pair for pair in pairs if generator.random() < 0.4]
    groups = [set(group) for group in ranking(means, given(means, apart)).groups]
    for pair in pairs:
        assert any(pair <= group for group in groups) == (pair not in apart)
    assert not any(a < b for a in groups for b in groups)


def test_intervals_of_ranks_hold_together():
    """Simulated: five methods, of which two are equal, tested on normal numbers with sd 1."""
    from scipy.stats import norm

    generator = np.random.default_rng(4)
    truth = np.array([0.0, 0.0, 1.5, 3.0, 3.4])
    names = [f"m{n}" for n in range(5)]
    missed = 0
    for _ in range(600):
        seen = dict(zip(names, generator.normal(truth, 1).tolist(), strict=True))
        tests = {
            pair: PairTest(
                **{
                    **{slot: getattr(test, slot) for slot in PairTest.__slots__},
                    "p": float(2 * norm.sf(abs(test.difference) / np.sqrt(2))),
                }
            )
            for pair, test in given(seen, []).items()
        }
        found = ranking(seen, tests).ranks
        for place, name in enumerate(names):
            lowest, highest = 1 + (truth > truth[place]).sum(), (truth >= truth[place]).sum()
            if found[name].low > lowest or found[name].high < highest:
                missed += 1
                break
    assert missed / 600 <= 0.06


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([30.0, 10.0, 20.0], [1, 3, 2]),
        ([1.0, 2.0, 2.0, 0.0], [3, 1.5, 1.5, 4]),
        ([5.0, 5.0, 5.0], [2, 2, 2]),
        ([0.1 + 0.2, 0.3], [1.5, 1.5]),  # equal but for the last bit
        ([[1.0, 2.0], [2.0, 1.0]], [[2, 1], [1, 2]]),
    ],
)
def test_equal_values_share_the_mean_rank(values, expected):
    assert np.array_equal(ranks(np.array(values)), expected)


def test_ranks_are_scipys():
    values = np.random.default_rng(3).integers(0, 5, size=(40, 3, 7)).astype(float)
    assert np.array_equal(ranks(values), stats.rankdata(-values, axis=-1))
