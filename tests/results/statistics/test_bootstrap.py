"""The bootstrap over images: how often its intervals cover, what they refuse, what ties."""

import math

import numpy as np
import pytest

from noisyseg.errors import InputError
from noisyseg.results.evaluation.average_precision import average_precision
from noisyseg.results.evaluation.image_matches import ClassMatches, Matches
from noisyseg.results.statistics.bootstrap import draw_weights, paired_bootstrap, standings


def test_draws_are_of_as_many_images_with_replacement():
    weights = draw_weights(50, draws=400, seed=3)
    assert weights.shape == (400, 50)
    assert (weights.sum(axis=1) == 50).all()
    assert np.array_equal(weights, draw_weights(50, draws=400, seed=3))
    assert not np.array_equal(weights, draw_weights(50, draws=400, seed=4))
    # Var of a binomial(50, 1/50).
    assert weights.var() == pytest.approx(0.98, rel=0.05)


# Comparisons on simulated images: one class, one instance an image, one detection of it.


def simulated(generator, images, chance):
    """An image's detection is right with some chance; scores say nothing."""
    right = generator.random(images) < chance
    order = generator.permutation(images)
    entry = ClassMatches(
        image=order,
        right=np.tile(right[order], (10, 1)),
        counts=np.ones((10, images), dtype=bool),
        instances=np.ones(images, dtype=np.int64),
    )
    return Matches(image_ids=tuple(range(images)), classes=(entry,))


def test_the_interval_covers_the_truth_at_about_its_rate():
    """Two methods alike: the true difference is 0."""
    generator = np.random.default_rng(5)
    trials, covered = 160, 0
    for trial in range(trials):
        first, second = (simulated(generator, 60, 0.6) for _ in range(2))
        found = paired_bootstrap(first, second, draws=150, seed=trial)
        covered += found.low <= 0 <= found.high
        assert found.tie == (found.low <= 0 <= found.high)
    assert 0.88 <= covered / trials <= 0.995


def found_or_missed(found):
    """An image's instance is found or missed, nothing else is: AP is linear in the recall.

    Of 100 images k found make a recall of k/100 at precision 1, so that AP is (k + 1) / 101.
    """
    images = len(found)
    entry = ClassMatches(
        image=np.arange(images),
        right=np.tile(found, (10, 1)),
        counts=np.tile(found, (10, 1)),
        instances=np.ones(images, dtype=np.int64),
    )
    return Matches(image_ids=tuple(range(images)), classes=(entry,))


def test_the_interval_covers_a_known_difference_and_is_as_narrow_as_pairs_allow():
    generator = np.random.default_rng(10)
    trials, images = 150, 100
    truth = 100 * (0.7 - 0.5) * images / 101
    found = []
    for trial in range(trials):
        difficulty = generator.random(images)  # shared by both methods
        methods = [found_or_missed(difficulty < chance) for chance in (0.7, 0.5)]
        found.append(paired_bootstrap(*methods, draws=120, seed=trial))
    covered = np.mean([entry.low <= truth <= entry.high for entry in found])
    assert 0.88 <= covered <= 0.99
    assert np.mean([entry.difference for entry in found]) == pytest.approx(truth, abs=1)
    # A difference is 1 in 20 % of the images, else 0; without pairs its variance were 0.46.
    width = 2 * 1.96 * math.sqrt(0.2 * 0.8 / images) * 100 * images / 101
    assert np.mean([entry.high - entry.low for entry in found]) == pytest.approx(width, rel=0.08)


def test_p_values_of_methods_that_are_alike_are_rarely_small():
    generator = np.random.default_rng(12)
    trials = 120
    small = 0
    for trial in range(trials):
        pair = [found_or_missed(generator.random(100) < 0.6) for _ in range(2)]
        small += paired_bootstrap(*pair, draws=100, seed=trial).p <= 0.1
    assert 0.03 <= small / trials <= 0.2


def test_a_clear_difference_is_no_tie():
    generator = np.random.default_rng(6)
    good, bad = simulated(generator, 200, 0.9), simulated(generator, 200, 0.4)
    found = paired_bootstrap(good, bad, draws=200)
    assert not found.tie
    assert 0 < found.low < found.difference < found.high
    assert found.p == pytest.approx(2 / 201)
    turned = paired_bootstrap(bad, good, draws=200)
    assert (turned.low, turned.high) == pytest.approx((-found.high, -found.low))
    assert found == paired_bootstrap(good, bad, draws=200)


def test_a_method_ties_with_itself():
    only = simulated(np.random.default_rng(7), 40, 0.5)
    found = paired_bootstrap(only, only, draws=50)
    assert (found.difference, found.low, found.high, found.p) == (0, 0, 0, 1.0)
    assert found.tie


def test_standings_are_comparisons_and_ranks_and_ties_share_theirs():
    generator = np.random.default_rng(8)
    best, middling = simulated(generator, 300, 0.95), simulated(generator, 300, 0.5)
    methods = {"a": middling, "b": best, "c": middling}
    found = standings(methods, "a", draws=100, seed=3)
    assert (found["b"].rank, found["b"].rank_low, found["b"].rank_high) == (1.0, 1.0, 1.0)
    for name in ("a", "c"):
        assert (found[name].rank, found[name].rank_low, found[name].rank_high) == (2.5, 2.5, 2.5)
        assert found[name].average_precision == average_precision(middling)
    assert found["a"].comparison is None
    assert found["b"].comparison == paired_bootstrap(best, middling, draws=100, seed=3)
    assert found["c"].comparison.tie


def test_other_images_are_refused():
    generator = np.random.default_rng(9)
    first, second = simulated(generator, 10, 0.5), simulated(generator, 11, 0.5)
    with pytest.raises(InputError, match="the same images: got 10 and 11, 10 shared"):
        paired_bootstrap(first, second)
    with pytest.raises(InputError, match="the same images"):
        standings({"a": first, "b": second}, "a")


def test_other_instances_are_refused():
    only = simulated(np.random.default_rng(9), 10, 0.5)
    entry = only.classes[0]
    more = ClassMatches(
        image=entry.image,
        right=entry.right,
        counts=entry.counts,
        instances=entry.instances + 1,
    )
    for classes in ((more,), (entry, entry)):
        other = Matches(image_ids=only.image_ids, classes=classes)
        with pytest.raises(InputError, match="the same instances: got 10 of 1 classes and 20 of"):
            paired_bootstrap(only, other)


def test_an_unknown_baseline_and_no_draws_are_refused():
    only = simulated(np.random.default_rng(9), 10, 0.5)
    with pytest.raises(InputError, match=r"unknown baseline 'lncs'.*'lncis'"):
        standings({"ce": only, "lncis": only}, "lncs")
    with pytest.raises(InputError, match="draw more"):
        paired_bootstrap(only, only, draws=0)


def test_draws_without_an_instance_are_left_out():
    """One image of four has the only instance: a third of the draws lack it."""
    best, worst = (
        Matches(
            image_ids=(1, 2, 3, 4),
            classes=(
                ClassMatches(
                    image=np.zeros(1, dtype=np.int64),
                    right=np.full((10, 1), right),
                    counts=np.ones((10, 1), dtype=bool),
                    instances=np.array([1, 0, 0, 0]),
                ),
            ),
        )
        for right in (True, False)
    )
    found = standings({"best": best, "worst": worst}, "worst", draws=200)
    for name, rank in (("best", 1.0), ("worst", 2.0)):
        assert (found[name].rank, found[name].rank_low, found[name].rank_high) == (rank,) * 3
    comparison = found["best"].comparison
    assert (comparison.low, comparison.high) == (100, 100)
    assert comparison.draws / 200 == pytest.approx(1 - 0.75**4, abs=0.1)


def test_equal_precisions_tie_whatever_their_last_bit():
    """The same precisions of three classes in another order, whose mean rounds differently."""
    first, second = (
        Matches(
            image_ids=(1,),
            classes=tuple(
                ClassMatches(
                    image=np.zeros(found, dtype=np.int64),
                    right=np.ones((10, found), dtype=bool),
                    counts=np.ones((10, found), dtype=bool),
                    instances=np.array([10]),
                )
                for found in order
            ),
        )
        for order in ((1, 2, 3), (3, 2, 1))
    )
    assert average_precision(first) != average_precision(second)
    found = standings({"a": first, "b": second}, "a", draws=100)
    assert found["b"].comparison.tie
    assert found["b"].comparison.difference == 0
    for name in "ab":
        assert (found[name].rank, found[name].rank_low, found[name].rank_high) == (1.5, 1.5, 1.5)


def test_without_an_instance_there_is_nothing_to_compare():
    only = simulated(np.random.default_rng(1), 5, 0.5)
    entry = only.classes[0]
    empty = ClassMatches(
        image=entry.image, right=entry.right, counts=entry.counts, instances=np.zeros(5, dtype=int)
    )
    nothing = Matches(image_ids=only.image_ids, classes=(empty,))
    assert np.isnan(average_precision(nothing))
    with pytest.raises(InputError, match="no class has an instance"):
        paired_bootstrap(nothing, nothing)
    with pytest.raises(InputError):
        standings({"a": nothing, "b": nothing}, "a")
