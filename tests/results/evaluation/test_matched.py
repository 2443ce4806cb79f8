"""Class-agnostic AP and the matched confusion, against their definitions in plain numpy."""

import json

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from noisyseg.results.evaluation.evaluation import evaluate
from noisyseg.results.evaluation.predictions import Predictions

SIZE = 48
CLASSES = {7: "fox", 2: "cat", 30: "dog"}


def encoded(mask):
    runs = coco_mask.encode(np.asfortranarray(mask))
    return {
        "bbox": coco_mask.toBbox(runs).tolist(),
        "segmentation": {"size": [SIZE, SIZE], "counts": runs["counts"].decode()},
    }


def box(generator):
    mask = np.zeros((SIZE, SIZE), dtype=np.uint8)
    x, y = generator.integers(0, SIZE - 16, 2)
    w, h = generator.integers(4, 16, 2)
    mask[y : y + h, x : x + w] = 1
    return mask


class World:
    """Truth and detections as masks; all scores differ, so that no order is a matter of taste."""

    def __init__(self, seed):
        generator = np.random.default_rng(seed)
        self.truth, self.found = [], []
        scores = iter(generator.permutation(np.arange(1, 400)) / 400)
        for image in range(1, 6):
            for _ in range(generator.integers(0, 5)):
                mask, name = box(generator), int(generator.choice(list(CLASSES)))
                crowd = bool(generator.random() < 0.2)
                self.truth.append((image, name, mask, crowd))
                for _ in range(generator.integers(0, 3)):
                    moved = np.roll(mask, generator.integers(-2, 3, 2), axis=(0, 1))
                    said = (
                        name if generator.random() < 0.6 else int(generator.choice(list(CLASSES)))
                    )
                    self.found.append((image, said, moved, float(next(scores))))
            self.found.append((image, 7, box(generator), float(next(scores))))

    def evaluated(self, folder, classes=None):
        annotations = [
            {
                "id": 10 + number,
                "image_id": image,
                "category_id": name,
                "area": int(mask.sum()),
                "iscrowd": int(crowd),
                **encoded(mask),
            }
            for number, (image, name, mask, crowd) in enumerate(self.truth)
        ]
        document = {
            "images": [{"id": n, "height": SIZE, "width": SIZE} for n in range(1, 7)],
            "annotations": annotations,
            "categories": [{"id": number, "name": name} for number, name in CLASSES.items()],
        }
        path = folder / "instances.json"
        path.write_text(json.dumps(document))
        detections = [
            {"image_id": image, "category_id": name, "score": score, **encoded(mask)}
            for image, name, mask, score in self.found
        ]
        predictions = Predictions(tuple(range(1, 7)), detections, "0" * 64)
        return evaluate(path, predictions, classes=classes)


def overlap(found, true, *, crowd):
    """IoU; of a crowd, the share of the detection that lies in it."""
    inside = np.logical_and(found, true).sum()
    whole = found.sum() if crowd else np.logical_or(found, true).sum()
    return inside / whole


def matches(world, threshold):
    """Per detection by falling score: (instance or None, whether it is left out)."""
    free = set(range(len(world.truth)))
    result = {}
    for number in sorted(range(len(world.found)), key=lambda n: -world.found[n][3]):
        image, _, mask, _ = world.found[number]
        rivals = {}
        for index, (where, _, true, crowd) in enumerate(world.truth):
            if where == image and (crowd or index in free):
                value = overlap(mask, true, crowd=crowd)
                if value >= threshold:
                    rivals[index] = (not crowd, value, index)
        best = max(rivals, key=rivals.get, default=None)
        crowd = best is not None and world.truth[best][3]
        if best is not None and not crowd:
            free.discard(best)
        result[number] = (best, crowd)
    return result


def average_precision(world):
    instances = sum(not crowd for *_, crowd in world.truth)
    values = []
    for threshold in np.linspace(0.5, 0.95, 10):
        hits = [
            best is not None
            for best, left_out in matches(world, threshold).values()
            if not left_out
        ]
        right = np.cumsum(hits)
        recall = right / instances
        precision = right / np.arange(1, len(hits) + 1)
        points = []
        for wanted in np.linspace(0, 1, 101):
            reached = precision[recall >= wanted]
            points.append(reached.max() if reached.size else 0.0)
        values.append((np.mean(points), recall[-1] if len(recall) else 0.0))
    return 100 * np.mean(values, axis=0)


@pytest.mark.parametrize("seed", range(8))
def test_class_agnostic_ap_and_ar_are_those_of_the_definition(tmp_path, seed):
    world = World(seed)
    found = world.evaluated(tmp_path)["agnostic"]
    ap, recall = average_precision(world)
    assert 0 < ap < 100
    assert found["AP"] == pytest.approx(ap, abs=1e-9)
    assert found["AR100"] == pytest.approx(recall, abs=1e-9)


@pytest.mark.parametrize("seed", range(8))
def test_confusion_is_of_the_best_scored_detection_of_each_instance(tmp_path, seed):
    world = World(seed)
    found = world.evaluated(tmp_path)["matched"]
    order = list(CLASSES)
    confusion = np.zeros((3, 3), dtype=int)
    for number, (best, left_out) in matches(world, 0.5).items():
        if best is not None and not left_out:
            confusion[order.index(world.truth[best][1]), order.index(world.found[number][1])] += 1
    assert found["confusion"] == confusion.tolist()
    assert found["instances"] == sum(not crowd for *_, crowd in world.truth)
    assert found["found"] == confusion.sum() > 0
    assert found["accuracy"] == pytest.approx(100 * np.trace(confusion) / confusion.sum())


def test_the_confusion_is_in_the_order_of_the_classes_that_are_named(tmp_path):
    world = World(0)
    whole = np.array(world.evaluated(tmp_path)["matched"]["confusion"])
    turned = world.evaluated(tmp_path, classes=["dog", "cat", "fox"])["matched"]["confusion"]
    assert np.array_equal(whole[::-1, ::-1], turned)


def test_detections_and_instances_of_other_classes_do_not_count(tmp_path):
    world = World(1)
    part = world.evaluated(tmp_path, classes=["cat", "fox"])
    world.truth = [entry for entry in world.truth if entry[1] != 30]
    world.found = [entry for entry in world.found if entry[1] != 30]
    alone = world.evaluated(tmp_path)
    assert part["agnostic"] == alone["agnostic"]
    ap, _ = average_precision(world)
    assert part["agnostic"]["AP"] == pytest.approx(ap, abs=1e-9)
    assert part["matched"]["found"] == alone["matched"]["found"]


def test_nothing_found_has_no_accuracy(tmp_path):
    world = World(2)
    world.found = []
    found = world.evaluated(tmp_path)
    assert found["matched"]["found"] == 0
    assert found["matched"]["accuracy"] is None
    assert found["agnostic"]["AP"] == 0
