import math
from statistics import fmean, stdev

import numpy as np
import pytest
from scipy import stats

from noisyseg.errors import InputError
from noisyseg.results.statistics.intervals import describe


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


@pytest.mark.parametrize("n", [2, 3, 5, 30, 1000])
def test_the_interval_is_students_to_the_last_bit(n):
    values = np.random.default_rng(n).normal(30, 2, n).tolist()
    half = stats.t.ppf((1 + 0.95) / 2, n - 1) * stdev(values) / math.sqrt(n)
    assert describe(values).high == fmean(values) + half
