import json
from pathlib import Path

import pytest

from noisyseg.results.evaluation.ground_truth import limits_of, numbered, read_ground_truth
from noisyseg.results.evaluation.predictions import Predictions

BOX = {"bbox": [1, 1, 4, 4], "area": 16, "segmentation": [[1, 1, 5, 1, 5, 5, 1, 5]]}
FOUND = {"bbox": [1.0, 1.0, 4.0, 4.0], "segmentation": {"size": [10, 20], "counts": "31"}}
PATH = Path("truth.json")


def dataset(objects=1):
    return {
        "info": {"year": "?"},
        "images": [
            {"id": n, "height": 10, "width": 20, "date_captured": 0} for n in (2**70, -3, 12)
        ],
        "annotations": [
            {"id": n, "image_id": image, "category_id": 90, "score": "0.9", "ignore": 1, **BOX}
            for n, image in enumerate((12, -3, *[2**70] * objects))
        ],
        "categories": [{"id": 90, "name": "cat", "supercategory": 1}, {"id": 4, "name": "dog"}],
    }


def detection(image, category):
    return {"image_id": image, "category_id": category, "score": 0.5, **FOUND}


def test_both_programs_get_what_they_evaluate_and_no_more():
    found = [detection(2**70, 90), detection(12, 4)]
    made = numbered(dataset(), Predictions((12, 2**70), found, ""), {"cat": 90}, PATH)
    assert set(made.document) == {"images", "annotations", "categories"}
    # In the order of the ids: 12 before 2^70; -3 is not evaluated.
    assert made.image_ids == [1, 2]
    assert made.document["images"] == [
        {"id": 2, "height": 10, "width": 20},
        {"id": 1, "height": 10, "width": 20},
    ]
    assert made.document["annotations"] == [
        {"id": 1, "image_id": 1, "category_id": 1, "iscrowd": 0, **BOX},
        {"id": 2, "image_id": 2, "category_id": 1, "iscrowd": 0, **BOX},
    ]
    assert made.document["categories"] == [{"id": 1, "name": "cat"}]
    assert made.detections == [detection(2, 1)]


def test_categories_are_numbered_in_the_order_of_their_ids_whatever_the_classes():
    made = numbered(dataset(), Predictions((12,), [], ""), {"cat": 90, "dog": 4}, PATH)
    assert made.categories == {"cat": 2, "dog": 1}
    assert made.category_ids == [1, 2]


@pytest.mark.parametrize(
    ("section", "fields", "text"),
    [
        ("images", {"id": "7"}, r"images\[0\] has id '7'"),
        ("images", {"height": 10.5}, r"images\[0\] \(id 7\) has height 10.5"),
        ("annotations", {"iscrowd": ""}, r"annotations\[0\] \(id 0, image_id 12\) has iscrowd ''"),
        ("annotations", {"bbox": [1, 1, 4]}, r"annotations\[0\] .* has bbox"),
        ("annotations", {"image_id": 77}, r"annotation 0, image_id 77"),
        ("annotations", {"image_id": "12"}, r"annotations\[0\] .* has image_id '12'"),
        ("annotations", {"category_id": []}, r"annotations\[0\] .* has category_id \[\]"),
        ("categories", {"id": 1.0}, r"categories\[0\] has id 1.0"),
        ("categories", {"name": None}, r"categories\[0\] \(id 90\) has name None"),
    ],
)
def test_what_is_no_id_or_size_is_refused(tmp_path, section, fields, text):
    content = dataset(0)
    content["images"][0]["id"] = 7
    content[section][0].update(fields)
    (tmp_path / "truth.json").write_text(json.dumps(content))
    with pytest.raises(ValueError, match=text):
        read_ground_truth(tmp_path / "truth.json")


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"area": -1}, "an area is negative: annotation 0 of image 12"),
        ({"segmentation": [[1, 1, 1e9, 2, 3, 3]]}, "a polygon reaches far outside its image"),
    ],
)
def test_shapes_are_looked_at_unless_they_have_been(fields, text):
    content = dataset()
    content["annotations"][0].update(fields)
    predictions = Predictions((12,), [], "")
    with pytest.raises(ValueError, match=text):
        numbered(content, predictions, {"cat": 90}, PATH)
    if "segmentation" in fields:
        numbered(content, predictions, {"cat": 90}, PATH, checked=True)
    numbered(content, Predictions((-3,), [], ""), {"cat": 90}, PATH)


def test_more_objects_than_detections_are_told(tmp_path):
    content = dataset(101)
    content["images"][0]["id"] = 7
    for entry in content["annotations"]:
        entry["image_id"] = min(entry["image_id"], 13) if entry["image_id"] < 13 else 7
        entry["ignore"] = 0
    path = tmp_path / "truth.json"
    path.write_text(json.dumps(content))
    (line,) = limits_of(path, Predictions((7, 12), [], ""), ["cat"])
    assert "1 of 2 images have more than 100 objects, at most 101 in image 7" in line
    assert limits_of(path, Predictions((12,), [], ""), ["cat"]) == []
