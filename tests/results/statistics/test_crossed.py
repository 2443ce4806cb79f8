import math
from statistics import NormalDist

import numpy as np
import pytest

from noisyseg.errors import InputError
from noisyseg.results.statistics.crossed import crossed, describe_runs
from noisyseg.results.statistics.intervals import describe

# Standard deviations by noise seeds, train seeds and the rest.
RATIOS = [
    (1, 0, 0),
    (0, 1, 0),
    (0, 0, 1),
    (1, 1, 1),
    (1, 1, 0),
    (1, 0, 1),
    (0, 1, 1),
    (2, 0.1, 0.5),
    (0.3, 0.3, 1),
]
DRAWS = 4000


def product(noise, train):
    return [(i, j) for i in range(noise) for j in range(train)]


def drawn(seeds, spread, generator, draws=DRAWS, mean=0.0):
    """Numbers of the runs, shape (draws, N)."""
    noise, train = (np.array(kind) for kind in zip(*seeds, strict=True))
    rows = generator.normal(0, spread[0], (draws, noise.max() + 1))
    columns = generator.normal(0, spread[1], (draws, train.max() + 1))
    rest = generator.normal(0, spread[2], (draws, len(seeds)))
    return mean + rows[:, noise] + columns[:, train] + rest


def one_more(spread, generator):
    return sum(generator.normal(0, sd, DRAWS) for sd in spread)


def covered(values, half, truth=0.0):
    return np.mean(np.abs(values.mean(axis=1) - truth) <= half)


def thinned(noise, train, missing, generator):
    """The product without some random runs; every seed keeps one, or it would be a smaller one."""
    while True:
        cells = product(noise, train)
        for place in sorted(generator.choice(len(cells), missing, replace=False), reverse=True):
            del cells[place]
        if len({i for i, _ in cells}) == noise and len({j for _, j in cells}) == train:
            return cells


# Coverage


@pytest.mark.parametrize("side", [3, 5])
@pytest.mark.parametrize("missing", [0, 1, 2])
def test_intervals_cover_at_their_rate_whatever_is_missing(side, missing):
    generator = np.random.default_rng([side, missing])
    for _ in range(3 if missing else 1):
        seeds = thinned(side, side, missing, generator)
        for spread in RATIOS:
            values = drawn(seeds, spread, generator)
            found = crossed(values, seeds)
            assert covered(values, found.half) >= 0.93, (seeds, spread)
            assert covered(values, found.half_run, one_more(spread, generator)) >= 0.91


@pytest.mark.parametrize("train", [5, 10])
def test_two_seeds_that_make_most_of_the_spread_cover_less_and_how_much(train):
    generator, seeds = np.random.default_rng([2, train]), product(2, train)
    for spread in ((3, 1, 0), (3, 1, 1), (1.5, 1, 0.5)):
        values = drawn(seeds, spread, generator)
        found = crossed(values, seeds)
        assert covered(values, found.half) >= 0.87, spread
        assert covered(values, found.half_run, one_more(spread, generator)) >= 0.87, spread


@pytest.mark.parametrize(
    ("side", "missing", "wider"), [(3, 1, 1.3), (3, 2, 1.7), (5, 1, 1.08), (5, 2, 1.12)]
)
def test_what_is_missing_widens_an_interval_and_not_absurdly(side, missing, wider):
    generator = np.random.default_rng([side, missing, 2])
    for spread in [(1, 1, 1), (2, 1, 1), (1, 1, 0.3)]:
        whole = crossed(drawn(product(side, side), spread, generator), product(side, side)).half
        seeds = thinned(side, side, missing, generator)
        half = crossed(drawn(seeds, spread, generator), seeds).half
        assert 0.95 < half.mean() / whole.mean() < wider


SHAPES = {
    "star": [(0, 0), (0, 1), (0, 2), (1, 0), (2, 0)],
    "a row and one run": [*product(1, 5), (1, 0)],
    "a row and one run apart": [*product(1, 5), (1, 5)],
    "two train seeds for each noise seed": [(0, 0), (0, 1), (1, 2), (1, 3), (2, 4), (2, 5)],
    "three of four": [(0, 0), (0, 1), (1, 0)],
    "independent": [(i, i) for i in range(5)],
    "independent but one": [*((i, i) for i in range(5)), (0, 1)],
    "independent beside a square": [*product(2, 2), *((i, i) for i in range(2, 8))],
    "a half": [cell for cell in product(5, 5) if (3 * cell[0] + 2 * cell[1]) % 5 > 1],
}


@pytest.mark.parametrize("seeds", SHAPES.values(), ids=list(SHAPES))
def test_intervals_of_any_shape_cover_at_their_rate(seeds):
    generator = np.random.default_rng(len(seeds))
    for spread in RATIOS:
        values = drawn(seeds, spread, generator)
        assert covered(values, crossed(values, seeds).half) >= 0.93, spread


def test_more_runs_than_independent_ones_widen_an_interval_little():
    generator = np.random.default_rng(6)
    alone = SHAPES["independent"]
    whole = crossed(drawn(alone, (1, 1, 1), generator), alone).half.mean()
    more = SHAPES["independent but one"]
    assert crossed(drawn(more, (1, 1, 1), generator), more).half.mean() < 1.15 * whole


def test_runs_told_apart_wrongly_would_cover_less():
    """What the intervals are for: Student's t of such runs, as if none shared a seed."""
    generator = np.random.default_rng(5)
    seeds = thinned(5, 5, 1, generator)
    values = drawn(seeds, (1, 1, 0), generator)
    plain = 2.069 * values.std(axis=1, ddof=1) / math.sqrt(24)  # t of 23 degrees, tables
    assert covered(values, plain) < 0.75


@pytest.mark.parametrize("seeds", [product(1, 5), product(5, 1)], ids=["noise", "train"])
def test_what_was_never_changed_is_not_known(seeds):
    found = describe_runs({pair: 20.0 + place for place, pair in enumerate(seeds)})
    assert (found.n, found.mean) == (5, 22.0)
    assert found.sd == pytest.approx(math.sqrt(2.5))
    assert {found.low, found.high, found.run_low, found.run_high, found.sd_noise} == {None}


# Components


def anova(table):
    """Textbook method of moments of a full product (Searle, Casella & McCulloch 1992, 4.4)."""
    a, b = table.shape
    rows, columns, mean = table.mean(axis=1), table.mean(axis=0), table.mean()
    rest = table - rows[:, None] - columns[None, :] + mean
    ms_rest = np.square(rest).sum() / ((a - 1) * (b - 1))
    ms_rows = b * np.square(rows - mean).sum() / (a - 1)
    ms_columns = a * np.square(columns - mean).sum() / (b - 1)
    return np.array([(ms_rows - ms_rest) / b, (ms_columns - ms_rest) / a, ms_rest])


@pytest.mark.parametrize(("noise", "train"), [(2, 2), (3, 5), (6, 4)])
def test_of_a_full_product_they_are_the_analysis_of_variances(noise, train):
    generator = np.random.default_rng(noise)
    seeds = product(noise, train)
    values = drawn(seeds, (1, 2, 0.5), generator, draws=20, mean=30.0)
    found = crossed(values, seeds)
    for own, variances in zip(values, found.variances, strict=True):
        expected = anova(own.reshape(noise, train))
        assert variances == pytest.approx(np.maximum(expected, 0), abs=1e-9)


@pytest.mark.parametrize("missing", [0, 10])
def test_they_are_told_apart_without_bias(missing):
    generator = np.random.default_rng(missing)
    seeds = thinned(8, 8, missing, generator)
    found = crossed(drawn(seeds, (2, 1, 0.5), generator), seeds)
    assert found.variances.mean(axis=0) == pytest.approx([4, 1, 0.25], rel=0.05)


def test_components_by_hand():
    # Rows 1 and 3 apart, columns 1 apart, nothing else: MS_noise = b·Σ = 2·(4.5) = 9 (1 degree),
    # MS_train = 2·(0.5) = 1, MS_rest = 0, so variances 9/2 and 1/2.
    found = describe_runs({(0, 5): 0.0, (0, 6): 1.0, (1, 5): 3.0, (1, 6): 4.0})
    assert found.mean == 2.0
    assert found.sd_noise == pytest.approx(math.sqrt(4.5))
    assert found.sd_train == pytest.approx(math.sqrt(0.5))
    assert found.sd_rest == 0.0
    # Var(mean) = (9 + 1) / 4; Satterthwaite: 10² / (81 + 1) = 1.2195 degrees.
    half = found.high - found.mean
    assert found.mean - found.low == pytest.approx(half)
    assert half > NormalDist().inv_cdf(0.975) * math.sqrt(2.5)
    # One more run varies by 9/2 + 1/2 beside.
    assert found.run_high - found.mean > NormalDist().inv_cdf(0.975) * math.sqrt(2.5 + 5)


def test_a_negative_variance_is_shown_as_none():
    found = describe_runs({(0, 0): 0.0, (0, 1): 1.0, (1, 0): 1.0, (1, 1): 0.0})
    assert (found.sd_noise, found.sd_train) == (0.0, 0.0)
    assert found.low < found.mean < found.high


def test_three_runs_of_a_square_by_hand():
    # A fit of both seeds leaves nothing over. Two runs share no seed, 2 apart: one run's variance
    # is 2²/2. Were it a seed's that two of three runs share, the mean's would be (2² + 1²)/3² of
    # it. Student's t of one degree is 12.7062 (tables).
    found = crossed(np.array([[0.0, 1.0, 3.0]]), [(0, 0), (0, 1), (1, 0)])
    assert found.variances is None
    assert found.half == pytest.approx(12.7062 * math.sqrt(2 * 5 / 9), rel=1e-5)
    assert found.half_run == pytest.approx(12.7062 * math.sqrt(2 * 14 / 9), rel=1e-5)


# Independent runs


@pytest.mark.parametrize(
    "seeds",
    [[0, 1, 2], [(None, 0), (None, 1), (None, 2)], [(0, 0), (1, 1), (2, 2)]],
    ids=["seeds", "clean labels", "pairs"],
)
def test_runs_that_share_nothing_have_students_intervals(seeds):
    values = [29.0, 30.5, 31.0]
    assert describe_runs(dict(zip(seeds, values, strict=True))) == describe(values)


def test_pairs_that_share_nothing_are_a_case_of_the_whole():
    values = [29.0, 30.5, 31.0, 33.0]
    found, known = crossed(np.array([values]), [(i, i) for i in range(4)]), describe(values)
    assert found.half[0] == pytest.approx(known.high - known.mean)
    assert found.half_run[0] == pytest.approx(known.run_high - known.mean)
    assert found.variances is None


@pytest.mark.parametrize("seeds", [product(3, 3)[:-1], SHAPES["star"]], ids=["most", "star"])
def test_equal_numbers_have_no_spread(seeds):
    found = describe_runs(dict.fromkeys(seeds, 30.1))
    assert (found.low, found.high, found.run_high) == pytest.approx((30.1, 30.1, 30.1))
    assert found.sd_rest in (None, 0)


@pytest.mark.parametrize("values", [{}, {(0, 0): 1.0, (0, 1): math.nan}])
def test_what_cannot_be_described(values):
    with pytest.raises(InputError):
        describe_runs(values)
