"""Interquartile means and performance profiles: by hand, against SciPy, and their coverage."""

import numpy as np
import pytest
from scipy import stats

from noisyseg.results.statistics.aggregates import aggregate, interquartile_mean, share_above

POINTS = np.array([-1.0, 0.0, 1.0])


def test_the_interquartile_mean_is_scipys_trimmed_one():
    generator = np.random.default_rng(1)
    for runs in (1, 3, 4, 6, 7, 21):
        values = generator.normal(size=(5, runs))
        expected = stats.trim_mean(values, 0.25, axis=1)
        assert interquartile_mean(values) == pytest.approx(expected)
    # 1 and 100 are the quarters of four.
    assert interquartile_mean(np.array([[100.0, 2.0, 1.0, 3.0]])).tolist() == [2.5]


def test_a_profile_is_the_share_of_runs_above_a_threshold():
    found = aggregate({"clean": [0.5, 1.0], "sym40": [2.0, -3.0]}, np.array([-4.0, 0.0, 1.0, 2.0]))
    assert found.profile.tolist() == [1.0, 0.75, 0.25, 0.0]
    assert (found.tasks, found.runs) == (2, 4)
    assert found.mean == 0.75
    assert share_above(np.zeros((2, 3)), np.array([0.0])).tolist() == [[0.0], [0.0]]


def test_the_shares_intervals_are_wilsons():
    found = aggregate({"a": [0.0, 2.0, 2.0, 2.0, 2.0, 2.0]}, POINTS)
    for place, above in enumerate((6, 5, 5)):
        expected = stats.binomtest(above, 6).proportion_ci(method="wilson")
        ends = (found.profile_low[place], found.profile_high[place])
        assert ends == pytest.approx((expected.low, expected.high))


def test_one_run_a_task_has_no_interval_of_the_mean():
    found = aggregate({"a": [1.0], "b": [2.0]}, POINTS)
    assert (found.mean, found.low, found.high) == (1.5, None, None)


def test_equal_inputs_give_equal_intervals():
    scores = {"a": [1.0, 2.0, 4.0], "b": [2.0, 2.5, 2.0]}
    first, again, other = (aggregate(scores, POINTS, seed=seed) for seed in (0, 0, 1))
    assert (first.low, first.high) == (again.low, again.high) != (other.low, other.high)
    assert first.low < first.mean < first.high


def test_runs_are_drawn_within_their_task():
    """Tasks far apart whose runs are alike: no draw changes how many runs each task has."""
    found = aggregate({"low": [0.0, 0.0, 0.0], "high": [50.0, 50.0, 50.0]}, POINTS)
    assert (found.low, found.high) == (25.0, 25.0)


@pytest.mark.parametrize(("tasks", "runs"), [(1, 3), (2, 3), (3, 2), (7, 3), (2, 5)])
def test_intervals_cover(tasks, runs):
    generator = np.random.default_rng([tasks, runs])
    middles, spreads = generator.normal(0, 1, tasks), generator.uniform(0.3, 1, tasks)
    many = (middles + spreads * generator.normal(size=(40_000, tasks))).ravel()
    truth = float(interquartile_mean(many[None, :])[0])
    shares = share_above(many[None, :], POINTS)[0]
    trials, covered, covered_shares = 200, 0, 0.0
    for trial in range(trials):
        scores = {
            str(task): (middles[task] + spreads[task] * generator.normal(size=runs)).tolist()
            for task in range(tasks)
        }
        found = aggregate(scores, POINTS, seed=trial)
        covered += found.low <= truth <= found.high
        inside = (found.profile_low <= shares) & (shares <= found.profile_high)
        covered_shares += inside.mean()
    assert covered / trials >= 0.88
    assert covered_shares / trials >= 0.9
