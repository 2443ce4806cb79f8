"""AP of weighed images, against pycocotools on data in which images are really repeated."""

import numpy as np
import pytest

from noisyseg.results.evaluation.average_precision import average_precision, average_precisions
from noisyseg.results.evaluation.engines import FAST, REFERENCE, run
from noisyseg.results.evaluation.ground_truth import Numbered
from noisyseg.results.evaluation.image_matches import collect_matches
from noisyseg.results.evaluation.settings import EVALUATION
from noisyseg.results.statistics.bootstrap import draw_weights

SETTINGS = EVALUATION["settings"]
CATEGORIES = [3, 40, 41, 42]  # the last two without any ground truth, 41 with detections
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
                "category_id": 3 if image % 3 else 41,
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
    truth = Numbered(
        document=document,
        detections=detections,
        image_ids=image_ids,
        categories={str(number): number for number in CATEGORIES},
    )
    return run(engine, truth, "bbox", settings=SETTINGS)


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


def test_many_weights_at_once_are_each_alone():
    """Classes with crowds, of which some detections count at some thresholds alone."""
    ids = list(range(1, IMAGES + 1))
    uneven = 0
    for seed in range(8):
        matches = matches_of(evaluated(*world(seed), ids), ids)
        uneven += any((entry.counts != entry.counts[0]).any() for entry in matches.classes)
        weights = draw_weights(IMAGES, draws=30, seed=seed)
        alone = [average_precision(matches, row) for row in weights]
        assert average_precisions(matches, weights) == pytest.approx(alone, abs=1e-12, nan_ok=True)
    assert uneven
