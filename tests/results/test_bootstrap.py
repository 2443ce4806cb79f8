"""The bootstrap over images, against pycocotools on data in which images are really repeated."""

import numpy as np
import pytest

from noisyseg.errors import InputError
from noisyseg.results.bootstrap import (
    ClassMatches,
    Matches,
    average_precision,
    collect_matches,
    draw_weights,
    paired_bootstrap,
    standings,
)
from noisyseg.results.engines import FAST, REFERENCE, run
from noisyseg.results.evaluation import EVALUATION

SETTINGS = EVALUATION["settings"]
CATEGORIES = [3, 40, 41]  # the last without any ground truth
IMAGES = 9


def world(seed):
    """COCO-format boxes: ground truth with crowds; different images have equal scores."""
    generator = np.random.default_rng(seed)
    annotations, detections = [], []
    for image in range(1, IMAGES + 1):
        scores = iter(generator.permutation(np.arange(1, 13)) / 13)
        for _ in range(generator.integers(0, 4)):
            x, y, w, h = (*generator.integers(0, 60, 2), *generator.integers(8, 40, 2))
            category = int(generator.choice(CATEGORIES[:2]))
            annotations.append(
                {
                    "image_id": image,
                    "category_id": category,
                    "bbox": [int(x), int(y), int(w), int(h)],
                    "area": int(w * h),
                    "iscrowd": int(generator.random() < 0.2),
                }
            )
            for _ in range(generator.integers(0, 3)):
                dx, dy = generator.integers(-3, 4, 2)
                detections.append(
                    {
                        "image_id": image,
                        "category_id": category,
                        "bbox": [float(x + dx), float(y + dy), float(w), float(h)],
                        "score": float(next(scores)),
                    }
                )
        detections.append(
            {
                "image_id": image,
                "category_id": 3,
                "bbox": [70.0, 70.0, 20.0, 20.0],
                "score": float(next(scores)),
            }
        )
    return annotations, detections


def repeated(entries, weights):
    """Copies of each image, next to each other: image i becomes 100 i, 100 i + 1, …"""
    return [
        {**entry, "image_id": 100 * entry["image_id"] + copy}
        for entry in entries
        for copy in range(weights[entry["image_id"] - 1])
    ]


def evaluated(annotations, detections, image_ids, engine=REFERENCE):
    document = {
        "images": [{"id": number, "height": 120, "width": 120} for number in image_ids],
        "annotations": [{**entry, "id": n} for n, entry in enumerate(annotations, 1)],
        "categories": [{"id": number, "name": str(number)} for number in CATEGORIES],
    }
    return run(
        engine,
        document,
        detections,
        "bbox",
        image_ids=image_ids,
        category_ids=CATEGORIES,
        settings=SETTINGS,
    )


def matches_of(outcome, image_ids):
    return collect_matches(
        outcome.images(),
        image_ids=image_ids,
        category_ids=CATEGORIES,
        area=SETTINGS["area_ranges"]["all"],
        thresholds=10,
    )


@pytest.mark.parametrize("engine", [FAST, REFERENCE], ids=["hotcoco", "pycocotools"])
@pytest.mark.parametrize("seed", range(8))
def test_each_image_once_is_cocos_ap(seed, engine):
    ids = list(range(1, IMAGES + 1))
    outcome = evaluated(*world(seed), ids, engine)
    assert 0 < outcome.stats[0] < 1
    found = average_precision(matches_of(outcome, ids))
    assert found == pytest.approx(100 * outcome.stats[0], abs=1e-10)


@pytest.mark.parametrize("seed", range(8))
def test_weights_are_images_that_are_really_repeated(seed):
    annotations, detections = world(seed)
    ids = list(range(1, IMAGES + 1))
    matches = matches_of(evaluated(annotations, detections, ids), ids)
    for weights in draw_weights(IMAGES, draws=5, seed=seed):
        assert weights.max() > 1
        copies = [100 * number + copy for number in ids for copy in range(weights[number - 1])]
        outcome = evaluated(repeated(annotations, weights), repeated(detections, weights), copies)
        expected = outcome.stats[0]
        found = average_precision(matches, weights)
        if expected == -1:
            assert np.isnan(found)
        else:
            assert found == pytest.approx(100 * expected, abs=1e-10)


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


def test_without_an_instance_there_is_nothing_to_compare():
    only = simulated(np.random.default_rng(1), 5, 0.5)
    entry = only.classes[0]
    empty = ClassMatches(
        image=entry.image, right=entry.right, counts=entry.counts, instances=np.zeros(5, dtype=int)
    )
    nothing = Matches(image_ids=only.image_ids, classes=(empty,))
    assert np.isnan(average_precision(nothing))
    with pytest.raises(InputError, match="no class has an instance"):
        paired_bootstrap(nothing, only)
