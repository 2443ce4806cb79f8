"""Ranks and groups of a board, held against `pair_tests` and `ranking`."""

import numpy as np
import pytest

from noisyseg.results.leaderboard.many_pairs import pairs_above
from noisyseg.results.leaderboard.standings import standings
from noisyseg.results.leaderboard.uneven_entries import uneven_entries
from noisyseg.results.statistics.holm import holm
from noisyseg.results.statistics.pair_tests import Drawn, pair_tests
from noisyseg.results.statistics.rankings import ranking
from noisyseg.results.statistics.uneven_spread import uneven_methods

IMAGES = 100


def board(rng, levels, *, sd=1.0, seeds=3, draws=80, of_images=0.6, more=None):
    """Entries with these true APs; `more` seeds of the last."""
    shift = rng.normal(size=(draws, 1))  # what a draw of images does to all
    found = {}
    for number, level in enumerate(levels):
        own_images = rng.normal(scale=of_images, size=draws)
        own_shift = rng.normal(scale=of_images)
        count = more if more is not None and number == len(levels) - 1 else seeds
        found[f"m{number:02}"] = {
            (seed, seed): Drawn(
                own := float(level + own_shift + rng.normal(scale=sd)),
                own + shift[:, 0] + own_images + rng.normal(scale=0.3, size=draws),
            )
            for seed in range(count)
        }
    return found


@pytest.mark.parametrize("more", [None, 5, 2])
@pytest.mark.parametrize("sd", [0.2, 1.0])
def test_small_boards_say_what_the_ranking_of_compare_says(more, sd):
    rng = np.random.default_rng(7)
    for _ in range(5):
        values = board(rng, [30, 30, 28, 25, 25, 18], sd=sd, more=more)
        means = {
            name: float(np.mean([r.own for r in own.values()])) for name, own in values.items()
        }
        wanted = ranking(means, pair_tests(values, images=IMAGES))
        found = standings(values, images=IMAGES)
        assert found.comparisons == wanted.comparisons == 15
        assert list(found.places) == list(wanted.means)
        for name, place in found.places.items():
            assert (place.rank, place.low, place.high) == wanted.ranks[name]


@pytest.mark.parametrize("more", [None, 5, 2])
def test_the_way_for_many_tells_apart_what_the_exact_one_does(more):
    rng = np.random.default_rng(11)
    told = [0, 0]
    for _ in range(12):
        values = board(rng, np.linspace(40, 20, 15), sd=0.8, more=more)
        exact, many = (standings(values, images=IMAGES, exact=most) for most in (40, 0))
        assert exact.comparisons == many.comparisons
        for name, place in exact.places.items():
            other = many.places[name]
            assert place.rank == other.rank
            assert other.low <= place.low
            assert place.high <= other.high
            told[0] += place.low - 1
            told[1] += other.low - 1
    assert told[0] > 300
    assert told[1] >= 0.98 * told[0]  # rounding p up costs next to nothing


def test_entries_that_vary_more_are_found_as_uneven_spread_finds_them():
    rng = np.random.default_rng(3)
    found = 0
    for seeds in (2, 3, 5, 3, 5):
        values = board(rng, [30] * 12, seeds=seeds, more=seeds + 1)
        values["m00"] = {
            seed: Drawn(30 + 9 * float(rng.normal()), run.draws)
            for seed, run in values["m00"].items()
        }
        own = {name: {s: run.own for s, run in runs.items()} for name, runs in values.items()}
        uneven = {name for name, is_so in zip(values, uneven_entries(values), strict=True) if is_so}
        assert uneven == uneven_methods(own)
        found += len(uneven)
    assert found > 4


def test_of_twenty_equal_entries_some_are_told_apart_in_few_boards():
    rng = np.random.default_rng(5)
    wrong = sum(
        bool(pairs_above(board(rng, [30] * 20, seeds=5, of_images=0.0), IMAGES)[0].any())
        for _ in range(200)
    )
    # By chance alone 200 boards of a rate of 5 % have more than 13 in one of 13 tries.
    assert wrong <= 13


def test_a_group_is_those_not_told_from_its_first():
    rng = np.random.default_rng(1)
    values = board(rng, [50, 50, 30, 30, 10], sd=0.1, of_images=0.05)
    for exact in (0, 40):
        places = standings(values, images=IMAGES, exact=exact).places
        assert {name: place.groups for name, place in places.items()} == {
            "m00": (0,), "m01": (0,), "m02": (1,), "m03": (1,), "m04": (2,),
        }  # fmt: skip
        assert {name for name, place in places.items() if place.first} == {"m00", "m01"}


def test_entries_share_a_group_exactly_if_they_are_not_told_apart():
    rng = np.random.default_rng(7)
    shared = 0
    for _ in range(8):
        values = board(rng, [30, 29, 28, 27, 26, 25], sd=0.5)
        means = {n: float(np.mean([r.own for r in own.values()])) for n, own in values.items()}
        tests = pair_tests(values, images=IMAGES)
        corrected = holm({pair: test.p for pair, test in tests.items()})
        places = standings(values, images=IMAGES).places
        best = max(means, key=lambda name: means[name])
        for pair, p in corrected.items():
            one, other = (set(places[name].groups) for name in pair)
            assert bool(one & other) is (p > 0.05)
            shared += len(places[min(pair)].groups) > 1
            if best in pair:
                (rest,) = pair - {best}
                assert places[rest].first is (p > 0.05)
    assert shared > 10


def test_entries_without_seeds_in_common_are_not_told_apart():
    rng = np.random.default_rng(1)
    values = board(rng, [50, 30], sd=0.1)
    values["m01"] = {(s + 10, s + 10): run for (s, _), run in values["m01"].items()}
    for exact in (0, 40):
        found = standings(values, images=IMAGES, exact=exact)
        assert found.comparisons == 0
        assert [tuple(place) for place in found.places.values()] == [
            (1, 1, 2, (0,), True), (2, 1, 2, (0,), True),
        ]  # fmt: skip


def test_equal_runs_share_their_rank_and_no_entry_has_no_standing():
    rng = np.random.default_rng(1)
    values = board(rng, [50, 50, 20], sd=0.1)
    values["m01"] = values["m00"]
    for exact in (0, 40):
        places = standings(values, images=IMAGES, exact=exact).places
        assert places["m00"].rank == places["m01"].rank == 1.5
    assert standings({}, images=IMAGES).places == {}
