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


@pytest.mark.parametrize(("tasks", "runs"), [(3, 3), (7, 5)])
def test_intervals_of_percents_of_a_methods_mean_cover(tasks, runs):
    """What the baseline's seeds make of its mean is in them: equal methods are at 100."""
    generator = np.random.default_rng([5, tasks, runs])
    points, trials, covered, covered_shares = np.array([95.0, 100.0, 105.0]), 300, 0, 0.0
    shares = 1 - stats.norm.cdf(points, 100, 5)
    for trial in range(trials):
        own, by = generator.normal(100, 5, size=(2, tasks, runs))
        by_task = by.mean(axis=1, keepdims=True) / 100
        scores, scale = (
            {str(task): x for task, x in enumerate((y / by_task).tolist())} for y in (own, by)
        )
        found = aggregate(scores, points, scale=scale, seed=trial)
        covered += found.low <= 100 <= found.high
        inside = (found.profile_low <= shares) & (shares <= found.profile_high)
        covered_shares += inside.mean()
    assert covered / trials >= 0.92
    assert covered_shares / trials >= 0.92


def test_a_scale_of_one_run_a_task_has_no_interval():
    scores = {"a": [90.0, 95.0, 99.0], "b": [110.0, 120.0, 101.0]}
    found = aggregate(scores, POINTS, scale={"a": [100.0], "b": [100.0]})
    assert (found.low, found.high) == (None, None)
    several = aggregate(scores, POINTS, scale={"a": [99.0, 101.0], "b": [95.0, 105.0]})
    assert several.low < aggregate(scores, POINTS).low
