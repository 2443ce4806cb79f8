import math
from statistics import NormalDist, fmean, stdev

import numpy as np
import pytest
from scipy import stats

from noisyseg.errors import InputError
from noisyseg.results.statistics.intervals import components, describe, ranks


def test_known_values():
    # By hand: mean 2, sd 1, and Student's t of 2 degrees of freedom is 4.302653 (tables).
    found = describe([1.0, 2.0, 3.0])
    assert (found.n, found.mean, found.sd) == (3, 2.0, 1.0)
    assert found.high - found.mean == pytest.approx(4.302653 / math.sqrt(3), rel=1e-6)
    assert found.mean - found.low == pytest.approx(found.high - found.mean)


def test_one_value_has_no_interval():
    found = describe([31.2])
    assert (found.n, found.mean) == (1, 31.2)
    assert (found.sd, found.low, found.high) == (None, None, None)


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


# Noise seeds and train seeds


def product(noise, train, generator, *, sd_noise, sd_train, sd_rest, mean=30.0):
    rows = generator.normal(0, sd_noise, noise)
    columns = generator.normal(0, sd_train, train)
    rest = generator.normal(0, sd_rest, (noise, train))
    return {
        (i, j): mean + rows[i] + columns[j] + rest[i, j] for i in range(noise) for j in range(train)
    }


def test_components_by_hand():
    # Rows 1 and 3 apart, columns 1 apart, nothing else: MS_noise = b·Σ = 2·(4.5) = 9 (1 degree),
    # MS_train = 2·(0.5) = 1, MS_rest = 0, so variances 9/2 and 1/2.
    found = components({(0, 5): 0.0, (0, 6): 1.0, (1, 5): 3.0, (1, 6): 4.0})
    assert found.mean == 2.0
    assert found.sd_noise == pytest.approx(math.sqrt(4.5))
    assert found.sd_train == pytest.approx(math.sqrt(0.5))
    assert found.sd_rest == 0.0
    assert (found.noise_seeds, found.train_seeds) == (2, 2)
    # Var(mean) = (9 + 1) / 4; Satterthwaite: 10² / (81 + 1) = 1.2195 degrees.
    half = found.high - found.mean
    assert found.mean - found.low == pytest.approx(half)
    assert half > NormalDist().inv_cdf(0.975) * math.sqrt(2.5)


def test_a_negative_variance_is_shown_as_none():
    found = components({(0, 0): 0.0, (0, 1): 1.0, (1, 0): 1.0, (1, 1): 0.0})
    assert (found.sd_noise, found.sd_train) == (0.0, 0.0)
    assert found.sd_rest == pytest.approx(1.0)
    assert found.low < found.mean < found.high


@pytest.mark.parametrize(("noise", "train"), [(8, 8), (4, 9), (9, 4)])
def test_the_two_sources_are_told_apart(noise, train):
    generator = np.random.default_rng(0)
    spread = {"sd_noise": 2.0, "sd_train": 0.5, "sd_rest": 0.3}
    found = [components(product(noise, train, generator, **spread)) for _ in range(1500)]
    for name, true in spread.items():
        variance = np.mean([getattr(entry, name) ** 2 for entry in found])
        assert variance == pytest.approx(true**2, rel=0.1)


@pytest.mark.parametrize(
    "spread",
    [
        {"sd_noise": 1.0, "sd_train": 1.0, "sd_rest": 0.5},
        {"sd_noise": 2.0, "sd_train": 0.1, "sd_rest": 0.5},
        {"sd_noise": 0.0, "sd_train": 0.0, "sd_rest": 1.0},
    ],
)
def test_intervals_respect_both_sources(spread):
    generator = np.random.default_rng(1)
    found = [components(product(4, 4, generator, **spread)) for _ in range(1500)]
    covered = np.mean([entry.low <= 30.0 <= entry.high for entry in found])
    assert covered >= 0.92  # and more where no seed matters, as the docstring says


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({(0, 0): 1.0, (0, 1): 1.0}, "at least 2 noise seeds"),
        ({(0, 0): 1.0, (1, 0): 1.0}, "at least 2 noise seeds and 2 train seeds"),
        ({}, "at least 2 noise seeds"),
        (
            {(0, 0): 1.0, (0, 1): 1.0, (1, 0): 2.0},
            r"noise seed 1 with train seed 1 is missing \(in all 1 of 4",
        ),
        (
            {(0, 0): 1.0, (0, 1): 1.0, (1, 0): 2.0, (1, 1): math.nan},
            "noise seed 1 with train seed 1 is nan",
        ),
    ],
)
def test_what_is_no_full_product(values, problem):
    with pytest.raises(InputError, match=problem):
        components(values)


@pytest.mark.parametrize("noise", [2, 3, 5])
def test_intervals_of_few_seeds_are_never_too_narrow(noise):
    generator = np.random.default_rng(noise)
    spread = {"sd_noise": 2.0, "sd_train": 0.1, "sd_rest": 0.5}
    found = [components(product(noise, 3, generator, **spread)) for _ in range(1000)]
    covered = np.mean([entry.low <= 30.0 <= entry.high for entry in found])
    assert covered >= 0.95 - 3 * math.sqrt(0.95 * 0.05 / 1000)


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
