"""Where two programs differ, the one that scores perfect detections rightly is believed."""

import json

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from noisyseg.results.evaluation import evaluation
from noisyseg.results.evaluation.engines import FAST, REFERENCE, Engine
from noisyseg.results.evaluation.evaluation import evaluate
from noisyseg.results.evaluation.predictions import Predictions

SIDE = 40


def blob(x, y, side):
    mask = np.zeros((SIDE, SIDE), dtype=np.uint8)
    mask[y : y + side, x : x + side] = 1
    encoded = coco_mask.encode(np.asfortranarray(mask))
    shape = {"size": [SIDE, SIDE], "counts": encoded["counts"].decode()}
    return {"segmentation": shape, "bbox": [float(x), float(y), float(side), float(side)]}


@pytest.fixture
def truth(tmp_path):
    """A file of three objects, one a crowd, and detections of one of them and of nothing."""
    objects = [(1, 5, blob(2, 2, 10)), (2, 9, blob(20, 20, 12)), (2, 5, blob(1, 25, 9))]
    document = {
        "images": [{"id": n, "height": SIDE, "width": SIDE} for n in (1, 2)],
        "annotations": [
            {
                "id": n,
                "image_id": image,
                "category_id": category,
                "iscrowd": int(n == 2),
                "area": shape["bbox"][2] ** 2,
                **shape,
            }
            for n, (image, category, shape) in enumerate(objects)
        ],
        "categories": [{"id": 5, "name": "cat"}, {"id": 9, "name": "dog"}],
    }
    path = tmp_path / "truth.json"
    path.write_text(json.dumps(document))
    found = [
        {"image_id": 1, "category_id": 5, "score": 0.9, **blob(2, 2, 10)},
        {"image_id": 2, "category_id": 5, "score": 0.8, **blob(30, 2, 8)},
    ]
    return path, Predictions((1, 2), found, "0" * 64)


def that_finds_nothing(name):
    """pycocotools with a fault: it loses every detection."""

    def blind(document, found, kind):
        nothing = REFERENCE.dataset({**found.dataset, "annotations": []})
        return REFERENCE.evaluation(document, nothing, kind)

    return Engine(name=name, dataset=REFERENCE.dataset, evaluation=blind)


def test_a_reference_that_is_wrong_is_not_believed(truth, monkeypatch):
    right = evaluate(*truth)
    assert "decision" not in right["verified"]
    monkeypatch.setattr(evaluation, "REFERENCE", that_finds_nothing("pycocotools"))
    found = evaluate(*truth)
    assert found["tool"] == FAST.title
    assert found["segm"] == right["segm"]
    assert found["verified"]["largest_difference"] > 10
    decision = found["verified"]["decision"]
    assert decision.startswith("perfect detections of this file decide: AP 100 by hotcoco, 0 by")


def test_a_fast_program_that_is_wrong_is_not_believed(truth, monkeypatch):
    right = evaluate(*truth)
    monkeypatch.setattr(evaluation, "FAST", that_finds_nothing("hotcoco"))
    found = evaluate(*truth)
    assert found["tool"] == REFERENCE.title
    assert found["segm"] == right["segm"]
    assert "decide: AP 0 by hotcoco, 100 by pycocotools" in found["verified"]["decision"]


def test_where_both_are_right_on_perfect_detections_the_reference_is_taken(truth, monkeypatch):
    def lenient(document, found, kind):
        made = REFERENCE.evaluation(document, found, kind)
        made.params.recThrs = made.params.recThrs[:50]
        return made

    wrong = Engine(name="hotcoco", dataset=REFERENCE.dataset, evaluation=lenient)
    monkeypatch.setattr(evaluation, "FAST", wrong)
    found = evaluate(*truth)
    assert found["tool"] == REFERENCE.title
    assert "tell nothing, so that the reference is taken: AP 100" in found["verified"]["decision"]
