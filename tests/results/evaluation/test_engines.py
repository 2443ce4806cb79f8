"""hotcoco against pycocotools, on every number that either gives."""

import json
from pathlib import Path

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from noisyseg.results.evaluation import evaluation
from noisyseg.results.evaluation.engines import FAST, REFERENCE, Engine, largest_difference, run
from noisyseg.results.evaluation.evaluation import evaluate
from noisyseg.results.evaluation.ground_truth import Numbered
from noisyseg.results.evaluation.predictions import Predictions
from noisyseg.results.evaluation.settings import EVALUATION

SAMPLE = Path(__file__).parents[2] / "data" / "coco_sample"
CASES = [("bbox", True), ("segm", True), ("segm", False), ("bbox", False)]
SIZE = 120


def shifted(mask, right, down):
    moved = np.zeros_like(mask)
    height, width = mask.shape
    source = mask[max(0, -down) : height - max(0, down), max(0, -right) : width - max(0, right)]
    moved[
        max(0, down) : max(0, down) + source.shape[0],
        max(0, right) : max(0, right) + source.shape[1],
    ] = source
    return moved


def detection(image_id, category_id, mask, score):
    encoded = coco_mask.encode(np.asfortranarray(mask))
    return {
        "image_id": image_id,
        "category_id": category_id,
        "score": score,
        "bbox": coco_mask.toBbox(encoded).tolist(),
        "segmentation": {"size": list(mask.shape), "counts": encoded["counts"].decode()},
    }


def decoded(shape, height, width):
    """A mask from polygons, from COCO's own run lengths, or from compressed ones."""
    if isinstance(shape, list):
        return coco_mask.decode(coco_mask.merge(coco_mask.frPyObjects(shape, height, width)))
    if isinstance(shape["counts"], list):
        shape = coco_mask.frPyObjects(shape, height, width)
    return coco_mask.decode(shape)


def jittered(document, generator):
    """Detections made of the ground truth: moved, of wrong classes, doubled, missing, of nothing.

    Scores have few values, so that many are equal.
    """
    sizes = {image["id"]: (image["height"], image["width"]) for image in document["images"]}
    categories = [category["id"] for category in document["categories"]]
    found = []
    for annotation in document["annotations"]:
        height, width = sizes[annotation["image_id"]]
        shape = annotation["segmentation"]
        mask = decoded(shape, height, width)
        for _ in range(generator.integers(0, 4)):
            right, down = generator.integers(-6, 7, 2)
            category = annotation["category_id"]
            if generator.random() < 0.3:
                category = int(generator.choice(categories))
            score = float(generator.integers(1, 20)) / 20
            found.append(
                detection(annotation["image_id"], category, shifted(mask, right, down), score)
            )
    for image_id, (height, width) in list(sizes.items())[::3]:
        mask = np.zeros((height, width), dtype=np.uint8)
        mask[: height // 3, width // 2 :] = 1
        found.append(detection(image_id, categories[0], mask, 0.5))
    return found


def square_world(generator, *, crowds=True):
    """Eight small images; the last two are empty, and the third class has no ground truth."""
    annotations = []
    for image_id in range(1, 7):
        for _ in range(generator.integers(1, 6)):
            x, y = generator.integers(0, SIZE - 50, 2).tolist()
            w, h = generator.integers(8, 50, 2).tolist()
            crowd = int(crowds and generator.random() < 0.2)
            mask = np.zeros((SIZE, SIZE), dtype=np.uint8)
            mask[y : y + h, x : x + w] = 1
            encoded = coco_mask.encode(np.asfortranarray(mask))
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image_id,
                    "category_id": int(generator.choice([3, 40])),
                    "bbox": [x, y, w, h],
                    "area": w * h,
                    "iscrowd": crowd,
                    "segmentation": {"size": [SIZE, SIZE], "counts": encoded["counts"].decode()},
                }
            )
    return {
        "images": [{"id": n, "height": SIZE, "width": SIZE} for n in range(1, 9)],
        "annotations": annotations,
        "categories": [{"id": n, "name": f"class {n}"} for n in (3, 40, 41)],
    }


def both(document, detections, kind, by_class, category_ids=None):
    known = category_ids or [category["id"] for category in document["categories"]]
    truth = Numbered(
        document=document,
        detections=detections,
        image_ids=[image["id"] for image in document["images"]],
        categories={f"class {number}": number for number in known},
    )
    return [
        run(engine, truth, kind, settings=EVALUATION["settings"], by_class=by_class)
        for engine in (FAST, REFERENCE)
    ]


def assert_alike(fast, reference):
    assert largest_difference(fast, reference) <= 1e-9
    assert (reference.precision > -1).any()


@pytest.mark.parametrize("split", ["train2017", "val2017"])
@pytest.mark.parametrize(("kind", "by_class"), CASES)
def test_both_give_the_same_numbers_on_real_images(split, kind, by_class):
    document = json.loads((SAMPLE / "annotations" / f"instances_{split}.json").read_text())
    document["annotations"] = [
        {**entry, "id": number} for number, entry in enumerate(document["annotations"], 1)
    ]
    detections = jittered(document, np.random.default_rng(3))
    assert len(detections) > 300
    assert any(entry["iscrowd"] for entry in document["annotations"])
    fast, reference = both(document, detections, kind, by_class)
    assert_alike(fast, reference)
    assert 0 < reference.stats[0] < 1


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("kind", "by_class"), CASES)
def test_both_give_the_same_numbers_on_drawn_data(seed, kind, by_class):
    generator = np.random.default_rng(seed)
    document = square_world(generator)
    detections = jittered(document, generator)
    fast, reference = both(document, detections, kind, by_class)
    assert_alike(fast, reference)
    if by_class:
        assert (reference.precision[:, :, 2] == -1).all()  # no ground truth
        assert_alike(*both(document, detections, kind, by_class, category_ids=[40]))
    matches = [
        sorted(
            (
                int(entry["image_id"]),
                list(map(float, entry["aRng"])),
                [list(map(int, row)) for row in entry["dtMatches"]],
                list(map(int, entry["dtIds"])),
                [list(map(bool, row)) for row in entry["dtIgnore"]],
            )
            for entry in outcome.images()
            if entry is not None
        )
        for outcome in (fast, reference)
    ]
    if not by_class:
        assert matches[0] == matches[1]


def test_no_detections_and_no_ground_truth():
    document = square_world(np.random.default_rng(0))
    for kind, by_class in CASES:
        fast, reference = both(document, [], kind, by_class)
        assert_alike(fast, reference)
        assert reference.stats[0] == 0
        nothing = {**document, "annotations": []}
        fast, reference = both(
            nothing, jittered(document, np.random.default_rng(1)), kind, by_class
        )
        assert largest_difference(fast, reference) == 0
        assert reference.stats[0] == -1


def test_differences_are_of_every_number():
    document = square_world(np.random.default_rng(0))
    detections = jittered(document, np.random.default_rng(1))
    fast, reference = both(document, detections, "segm", True)
    for part in ("stats", "precision", "recall"):
        values = getattr(fast, part)
        kept = values.flat[-1]
        values.flat[-1] = kept + 0.25
        assert largest_difference(fast, reference) == pytest.approx(0.25)
        values.flat[-1] = kept
    assert largest_difference(fast, reference) == 0
    fewer, _ = both(document, detections, "segm", True, category_ids=[40])
    assert largest_difference(fewer, reference) == float("inf")


# In an evaluation


def written(document, folder):
    path = folder / "instances.json"
    path.write_text(json.dumps(document))
    return path


def test_where_the_fast_program_differs_the_reference_is_reported(tmp_path, monkeypatch):
    generator = np.random.default_rng(2)
    document = square_world(generator)
    detections = jittered(document, generator)
    path = written(document, tmp_path)
    predictions = Predictions(tuple(range(1, 9)), detections, "0" * 64)
    right = evaluate(path, predictions)
    assert right["tool"] == FAST.title
    assert right["verified"] == {"tool": REFERENCE.title, "largest_difference": 0.0}

    def lenient(truth, found, kind):
        made = REFERENCE.evaluation(truth, found, kind)
        made.params.iouThrs = made.params.iouThrs - 0.01
        return made

    wrong = Engine(name="hotcoco", dataset=REFERENCE.dataset, evaluation=lenient)
    monkeypatch.setattr(evaluation, "FAST", wrong)
    found = evaluate(path, predictions)
    assert found["tool"] == REFERENCE.title
    assert found["verified"]["largest_difference"] > 0.01
    changed = {key for key in found if found[key] != right[key]}
    assert changed == {"tool", "verified"}
    trusted = evaluate(path, predictions, verify=False)
    assert (trusted["tool"], trusted["verified"]) == (FAST.title, None)
    assert trusted["segm"] != right["segm"]
