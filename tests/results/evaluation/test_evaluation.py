import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from pycocotools import mask as coco_mask
from pycocotools.cocoeval import Params

from noisyseg.errors import InputError
from noisyseg.results.evaluation.evaluation import evaluate
from noisyseg.results.evaluation.predictions import Predictions
from noisyseg.results.evaluation.settings import EVALUATION

SIZE = 200
SAMPLE = Path(__file__).parents[2] / "data" / "coco_sample"


def _square(x, y, side):
    mask = np.zeros((SIZE, SIZE), dtype=np.uint8)
    mask[y : y + side, x : x + side] = 1
    return mask


def _corner(x, y):
    """An L in a box of 100 x 100 (10000 pixels, large) with a mask of 3600 pixels (medium)."""
    mask = _square(x, y, 100)
    mask[y : y + 80, x + 20 : x + 100] = 0
    return mask


def _shape(mask):
    encoded = coco_mask.encode(np.asfortranarray(mask))
    return {
        "segmentation": {"size": [SIZE, SIZE], "counts": encoded["counts"].decode()},
        "bbox": coco_mask.toBbox(encoded).tolist(),
    }


def _truth(image_id, category_id, mask, annotation_id=None, **more):
    shape = {**_shape(mask), "area": int(mask.sum()), "iscrowd": 0}
    return {
        "image_id": image_id,
        "category_id": category_id,
        "id": annotation_id,
        **shape,
        **more,
    }


def _found(image_id, category_id, mask, score):
    return {"image_id": image_id, "category_id": category_id, "score": score, **_shape(mask)}


def _evaluate(folder, annotations, detections, image_ids=(1, 2), classes=None):
    for number, annotation in enumerate(annotations, start=100):
        if annotation["id"] is None:
            annotation["id"] = number
    content = {
        "images": [{"id": i, "height": SIZE, "width": SIZE} for i in (1, 2, 3)],
        "annotations": annotations,
        "categories": [{"id": 5, "name": "cat"}, {"id": 90, "name": "dog"}],
    }
    path = folder / "instances.json"
    path.write_text(json.dumps(content))
    return evaluate(path, Predictions(tuple(image_ids), detections, "0" * 64), classes=classes)


def test_perfect_detections_score_100_and_print_nothing(tmp_path, capsys):
    masks = [(1, 5, _square(0, 0, 20)), (2, 90, _square(10, 10, 50)), (2, 5, _square(60, 60, 120))]
    result = _evaluate(tmp_path, [_truth(*m) for m in masks], [_found(*m, 0.9) for m in masks])
    for kind in ("bbox", "segm"):
        assert result[kind] == pytest.approx(
            {"AP": 100, "AP50": 100, "AP75": 100, "APs": 100, "APm": 100, "APl": 100}
        )
        assert result["per_class"]["cat"][kind] == pytest.approx(100)
        assert result["per_class"]["dog"][kind] == pytest.approx(100)
    assert result["version"] == EVALUATION["version"]
    assert result["tool"].startswith("hotcoco ")
    assert result["verified"]["tool"].startswith("pycocotools ")
    assert result["verified"]["largest_difference"] == 0
    assert capsys.readouterr() == ("", "")
    json.dumps(result, allow_nan=False)


def test_half_the_objects_found_gives_51_of_101_recall_points(tmp_path):
    # Precision is 1 at the recalls 0, 0.01, …, 0.5 (51 of 101 points) and 0 beyond.
    truth = [_truth(1, 5, _square(0, 0, 40)), _truth(1, 5, _square(100, 100, 40))]
    result = _evaluate(tmp_path, truth, [_found(1, 5, _square(0, 0, 40), 0.9)])
    assert result["segm"]["AP"] == pytest.approx(100 * 51 / 101)
    assert result["bbox"]["AP"] == pytest.approx(100 * 51 / 101)


def test_a_wrong_class_counts_against_both(tmp_path):
    # The dog is called a cat with more confidence than the true cat: cat has precision 1/2, dog 0.
    cat, dog = _square(0, 0, 40), _square(100, 100, 40)
    truth = [_truth(1, 5, cat), _truth(1, 90, dog)]
    result = _evaluate(tmp_path, truth, [_found(1, 5, dog, 0.9), _found(1, 5, cat, 0.8)])
    assert result["per_class"]["cat"]["segm"] == pytest.approx(50)
    assert result["per_class"]["dog"]["segm"] == 0
    assert result["segm"]["AP"] == pytest.approx(25)


def test_overlap_decides_which_thresholds_count(tmp_path):
    # 40 x 40 against its upper 40 x 31: IoU 0.775, so 0.5, 0.55, …, 0.75 (6 of 10) are met.
    part = _square(0, 0, 40)
    part[31:] = 0
    result = _evaluate(tmp_path, [_truth(1, 5, _square(0, 0, 40))], [_found(1, 5, part, 0.9)])
    assert result["segm"]["AP"] == pytest.approx(60)
    assert result["segm"]["AP75"] == pytest.approx(100)


def test_mask_results_are_sorted_by_mask_area_not_box_area(tmp_path):
    # A stray L outranks the true one. By its mask it is medium and halves the medium precision;
    # by its box it is large, hence out of the medium range and ignored there.
    truth = [_truth(1, 5, _corner(0, 0))]
    detections = [_found(1, 5, _corner(100, 100), 0.9), _found(1, 5, _corner(0, 0), 0.8)]
    result = _evaluate(tmp_path, truth, detections)
    assert result["segm"]["APm"] == pytest.approx(50)
    assert result["bbox"]["APm"] == pytest.approx(100)
    assert result["segm"]["AP"] == pytest.approx(50)


def test_mask_and_box_are_read_separately(tmp_path):
    detection = _found(1, 5, _square(0, 0, 40), 0.9)
    detection["bbox"] = [150.0, 150.0, 10.0, 10.0]
    result = _evaluate(tmp_path, [_truth(1, 5, _square(0, 0, 40))], [detection])
    assert result["segm"]["AP"] == pytest.approx(100)
    assert result["bbox"]["AP"] == 0


def test_annotation_id_0_can_be_matched(tmp_path):
    mask = _square(0, 0, 40)
    result = _evaluate(tmp_path, [_truth(1, 5, mask, 0)], [_found(1, 5, mask, 0.9)])
    assert result["segm"]["AP"] == pytest.approx(100)
    assert result["bbox"]["AP"] == pytest.approx(100)


def test_a_class_without_ground_truth_has_no_score(tmp_path):
    mask = _square(0, 0, 20)
    result = _evaluate(tmp_path, [_truth(1, 5, mask)], [_found(1, 5, mask, 0.9)])
    assert result["per_class"]["dog"] == {"bbox": None, "segm": None}
    assert result["segm"]["APm"] is None
    assert result["segm"]["APl"] is None
    assert result["segm"]["AP"] == pytest.approx(100)


def test_no_ground_truth_at_all(tmp_path):
    result = _evaluate(tmp_path, [], [_found(1, 5, _square(0, 0, 20), 0.9)])
    assert set(result["segm"].values()) == {None}
    assert set(result["bbox"].values()) == {None}


def test_no_detections_score_0(tmp_path):
    result = _evaluate(tmp_path, [_truth(1, 5, _square(0, 0, 20))], [])
    for kind in ("bbox", "segm"):
        assert result[kind]["AP"] == 0
        assert result[kind]["APl"] is None
    assert result["per_class"] == {
        "cat": {"bbox": 0, "segm": 0},
        "dog": {"bbox": None, "segm": None},
    }


def test_a_crowd_is_neither_missed_nor_a_place_for_false_positives(tmp_path):
    mask, crowd = _square(0, 0, 40), _square(100, 100, 80)
    truth = [_truth(1, 5, mask), _truth(1, 5, crowd, iscrowd=1)]
    inside = [_found(1, 5, _square(105 + 30 * k, 110, 20), 0.95) for k in range(2)]
    result = _evaluate(tmp_path, truth, [*inside, _found(1, 5, mask, 0.9)])
    assert result["segm"]["AP"] == pytest.approx(100)
    assert result["bbox"]["AP"] == pytest.approx(100)


def test_a_detection_in_an_image_without_objects_is_a_false_positive(tmp_path):
    mask = _square(0, 0, 40)
    detections = [_found(2, 5, mask, 0.95), _found(1, 5, mask, 0.9)]
    result = _evaluate(tmp_path, [_truth(1, 5, mask)], detections)
    assert result["segm"]["AP"] == pytest.approx(50)


def test_only_the_evaluated_images_count(tmp_path):
    mask = _square(0, 0, 40)
    truth = [_truth(1, 5, mask), _truth(3, 5, mask)]
    result = _evaluate(tmp_path, truth, [_found(1, 5, mask, 0.9)], image_ids=[1])
    assert result["segm"]["AP"] == pytest.approx(100)


def test_only_the_named_classes_count_in_their_order(tmp_path):
    mask = _square(0, 0, 40)
    truth = [_truth(1, 5, mask), _truth(1, 90, mask)]
    detections = [_found(1, 90, mask, 0.9)]
    both = _evaluate(tmp_path, truth, detections, classes=["dog", "cat"])
    assert list(both["per_class"]) == ["dog", "cat"]
    assert both["per_class"]["dog"]["segm"] == pytest.approx(100)
    assert both["per_class"]["cat"]["segm"] == 0
    one = _evaluate(tmp_path, truth, detections, classes=["dog"])
    assert list(one["per_class"]) == ["dog"]
    assert one["segm"]["AP"] == pytest.approx(100)


def test_at_most_100_detections_an_image_count(tmp_path):
    # 100 strays outrank the true one, which is then the 101st and cut off.
    strays = [_found(1, 5, _square(100, 100, 10), 0.9) for _ in range(100)]
    true = _found(1, 5, _square(0, 0, 40), 0.5)
    truth = [_truth(1, 5, _square(0, 0, 40))]
    assert _evaluate(tmp_path, truth, [*strays, true])["segm"]["AP"] == 0
    assert _evaluate(tmp_path, truth, [*strays[1:], true])["segm"]["AP"] == pytest.approx(1)


def test_the_settings_in_the_key_are_cocos():
    coco, settings = Params("segm"), EVALUATION["settings"]
    assert settings["iou_thresholds"] == pytest.approx(list(coco.iouThrs))
    assert settings["recall_points"] == len(coco.recThrs)
    assert settings["max_detections"] == coco.maxDets
    assert list(settings["area_ranges"]) == coco.areaRngLbl
    assert list(settings["area_ranges"].values()) == coco.areaRng


def test_category_ids_that_are_labels_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"category id.*\b0\b"):
        _evaluate(tmp_path, [], [_found(1, 0, _square(0, 0, 9), 0.9)])


def test_images_the_file_lacks_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"image id.*\b4\b"):
        _evaluate(tmp_path, [], [], image_ids=[1, 4])


def test_no_image_is_not_taken_for_every_image(tmp_path):
    with pytest.raises(InputError, match="no image"):
        _evaluate(tmp_path, [], [], image_ids=[])


def test_a_misspelt_class_gets_a_suggestion(tmp_path):
    with pytest.raises(InputError, match="Did you mean 'cat'"):
        _evaluate(tmp_path, [], [], classes=["cta"])


def test_a_mask_of_another_size_is_refused(tmp_path):
    detection = _found(1, 5, _square(0, 0, 9), 0.9)
    detection["segmentation"]["size"] = [SIZE, SIZE + 1]
    with pytest.raises(InputError, match="detection 0"):
        _evaluate(tmp_path, [], [detection])


@pytest.mark.parametrize("counts", ["0h1", "P", ""])
def test_a_damaged_mask_is_refused_before_pycocotools_hangs_on_it(tmp_path, counts):
    detection = _found(1, 5, _square(0, 0, 9), 0.9)
    detection["segmentation"]["counts"] = counts
    with pytest.raises(InputError, match="its mask"):
        _evaluate(tmp_path, [_truth(1, 5, _square(0, 0, 9))], [detection])


@pytest.mark.parametrize("key", ["bbox", "area", "segmentation"])
def test_an_annotation_without_its_shape_is_refused_and_named(tmp_path, key):
    annotation = _truth(1, 5, _square(0, 0, 9), 17)
    del annotation[key]
    with pytest.raises(InputError, match=f"annotation 17 has no {key}"):
        _evaluate(tmp_path, [annotation], [])


@pytest.mark.parametrize("text", ["", "[]", '{"images": []}', "{"])
def test_an_unusable_annotation_file_is_named(tmp_path, text):
    path = tmp_path / "broken.json"
    path.write_text(text)
    with pytest.raises(InputError, match=r"broken\.json"):
        evaluate(path, Predictions((1,), [], "0" * 64))
    with pytest.raises(InputError, match=r"absent\.json"):
        evaluate(tmp_path / "absent.json", Predictions((1,), [], "0" * 64))


def _mask_of(annotation, height, width):
    shape = annotation["segmentation"]
    if isinstance(shape, list):
        return coco_mask.merge(coco_mask.frPyObjects(shape, height, width))
    return coco_mask.frPyObjects(shape, height, width)


def test_the_ground_truth_of_real_images_scores_100():
    path = SAMPLE / "annotations" / "instances_val2017.json"
    content = json.loads(path.read_text())
    sizes = {image["id"]: (image["height"], image["width"]) for image in content["images"]}
    crowded = {a["image_id"] for a in content["annotations"] if a["iscrowd"]}
    detections = []
    for annotation in content["annotations"]:
        if annotation["iscrowd"]:
            continue
        height, width = sizes[annotation["image_id"]]
        mask = _mask_of(annotation, height, width)
        shape = {"size": [height, width], "counts": mask["counts"]}
        kept = {key: annotation[key] for key in ("image_id", "category_id", "bbox")}
        detections.append({**kept, "score": 0.9, "segmentation": shape})
    assert crowded
    assert len(detections) > 300
    checksum = hashlib.sha256(path.read_bytes()).hexdigest()
    result = evaluate(path, Predictions(tuple(sizes), detections, checksum))
    assert result["bbox"]["AP"] == pytest.approx(100)
    assert result["segm"]["AP"] == pytest.approx(100)
    with_objects = {a["category_id"] for a in content["annotations"] if not a["iscrowd"]}
    for category in content["categories"]:
        known = category["id"] in with_objects
        assert (result["per_class"][category["name"]]["segm"] is not None) == known
