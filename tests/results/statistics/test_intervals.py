import math
from statistics import fmean, stdev

import numpy as np
import pytest
from scipy import stats

from noisyseg.errors import InputError
from noisyseg.results.statistics.intervals import describe, rank_intervals, ranks


def test_known_values():
    # By hand: mean 2, sd 1, and Student's t of 2 degrees of freedom is 4.302653 (tables).
    found = describe([1.0, 2.0, 3.0])
    assert (found.n, found.mean, found.sd) == (3, 2.0, 1.0)
    assert found.high - found.mean == pytest.approx(4.302653 / math.sqrt(3), rel=1e-6)
    assert found.mean - found.low == pytest.approx(found.high - found.mean)
    assert found.run_high - found.mean == pytest.approx(4.302653 * math.sqrt(4 / 3), rel=1e-6)
    assert found.mean - found.run_low == pytest.approx(found.run_high - found.mean)


def test_one_value_has_no_interval():
    found = describe([31.2])
    assert (found.n, found.mean) == (1, 31.2)
    assert {found.sd, found.low, found.high, found.run_low, found.run_high} == {None}


@pytest.mark.parametrize("values", [[], [1.0, math.nan], [math.inf]])
def test_what_cannot_be_described(values):
    with pytest.raises(InputError):
        describe(values)


@pytest.mark.parametrize("n", [2, 3, 5])
def test_intervals_cover_the_mean_at_their_rate(n):
    generator = np.random.default_rng(n)
    draws = generator.normal(7.0, 2.0, (3000, n))
    covered = np.mean([(d := describe(row)).low <= 7.0 <= d.high for row in draws.tolist()])
    assert covered == pytest.approx(0.95, abs=3 * math.sqrt(0.95 * 0.05 / 3000))


@pytest.mark.parametrize("n", [3, 5, 10])
def test_an_exact_reproduction_lies_outside_of_a_runs_interval_in_one_of_twenty(n):
    generator = np.random.default_rng(n)
    draws = generator.normal(31.5, 0.8, (4000, n + 1))
    outside = [
        not (d := describe(ours)).run_low <= one <= d.run_high for one, *ours in draws.tolist()
    ]
    assert np.mean(outside) == pytest.approx(0.05, abs=3.5 * math.sqrt(0.05 * 0.95 / 4000))
    # In the interval of the mean it would lie outside ever more often.
    beyond = [not (d := describe(ours)).low <= one <= d.high for one, *ours in draws.tolist()]
    assert np.mean(beyond) > {3: 0.15, 5: 0.25, 10: 0.4}[n]


# Ranks


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


@pytest.mark.parametrize("n", [2, 3, 5, 30, 1000])
def test_the_interval_is_students_to_the_last_bit(n):
    values = np.random.default_rng(n).normal(30, 2, n).tolist()
    half = stats.t.ppf((1 + 0.95) / 2, n - 1) * stdev(values) / math.sqrt(n)
    assert describe(values).high == fmean(values) + half


def test_rank_intervals_by_hand():
    # Of 100 draws "a" is first in 94, "b" in 6: 2.5 % on either side leave both ranks to both.
    draws = np.array([[2.0, 1.0, 0.0]] * 94 + [[1.0, 2.0, 0.0]] * 6)
    found = rank_intervals(draws, ["a", "b", "c"])
    assert found == {"a": (1, 1, 2), "b": (2, 1, 2), "c": (3, 3, 3)}
    # In 1 of 100 it lies outside of the interval.
    draws = np.array([[2.0, 1.0]] * 99 + [[1.0, 2.0]])
    assert rank_intervals(draws, ["a", "b"]) == {"a": (1, 1, 1), "b": (2, 2, 2)}


def test_a_rank_is_of_the_values_where_they_are_given():
    draws = np.array([[2.0, 1.0], [2.0, 1.0]])
    found = rank_intervals(draws, ["a", "b"], values=[3.0, 3.0])
    assert found == {"a": (1.5, 1, 1), "b": (1.5, 2, 2)}


def test_every_end_of_a_rank_interval_is_a_rank_of_some_draw():
    generator = np.random.default_rng(4)
    for draws in (generator.normal(size=(n, 4)) for n in (1, 7, 40, 333)):
        for _, low, high in rank_intervals(draws, "abcd").values():
            assert {low, high} <= {1.0, 2.0, 3.0, 4.0}


def test_draws_without_a_number_are_left_out():
    draws = np.array([[2.0, 1.0], [math.nan, math.nan], [2.0, 1.0]])
    assert rank_intervals(draws, ["a", "b"]) == {"a": (1, 1, 1), "b": (2, 2, 2)}
    with pytest.raises(InputError, match="none of 1 draws"):
        rank_intervals(draws[1:2], ["a", "b"])
    with pytest.raises(InputError, match="draws of 3 methods"):
        rank_intervals(draws, ["a", "b", "c"])
