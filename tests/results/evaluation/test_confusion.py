import numpy as np
import pytest
from pycocotools import mask as coco_mask

from noisyseg.errors import InputError
from noisyseg.results.evaluation.confusion import confusion_matrix, row_normalised
from noisyseg.results.evaluation.predictions import Predictions

NAMES = ["cat", "dog", "cow"]
IDS = {"cat": 3, "dog": 11, "cow": 5}
SIDE = 40


def truth(number, image, name, x, y, side=10, **more):
    corners = [x, y, x + side, y, x + side, y + side, x, y + side]
    return {
        "id": number,
        "image_id": image,
        "category_id": IDS[name],
        "bbox": [x, y, side, side],
        "segmentation": [corners],
        **more,
    }


def found(image, name, score, x, y, side=10):
    mask = np.zeros((SIDE, SIDE), dtype=np.uint8)
    mask[y : y + side, x : x + side] = 1
    runs = coco_mask.encode(np.asfortranarray(mask))
    return {
        "image_id": image,
        "category_id": IDS[name],
        "score": score,
        "bbox": [x, y, side, side],
        "segmentation": {"size": runs["size"], "counts": runs["counts"]},
    }


def matrix(annotations, detections, classes=NAMES, images=(1, 2), evaluated=None, **limits):
    document = {
        "images": [{"id": n, "height": SIDE, "width": SIDE} for n in images],
        "annotations": annotations,
        "categories": [{"id": number, "name": name} for name, number in IDS.items()],
    }
    predictions = Predictions(tuple(evaluated or images), detections, "0" * 64)
    return confusion_matrix(predictions, document, classes=classes, **limits).tolist()


def test_each_object_counts_under_the_class_that_it_was_found_as():
    annotations = [
        truth(1, 1, "cat", 0, 0),
        truth(2, 1, "cat", 20, 0),
        truth(3, 2, "cow", 0, 0),
        truth(4, 2, "dog", 20, 20),  # nothing finds it
    ]
    detections = [
        found(1, "cat", 0.9, 0, 0),
        found(1, "dog", 0.8, 21, 0),
        found(2, "dog", 0.7, 0, 1),
        found(2, "cow", 0.9, 0, 25),  # of nothing
    ]
    assert matrix(annotations, detections) == [[1, 1, 0], [0, 0, 0], [0, 1, 0]]


def test_the_order_of_classes_is_the_caller_s():
    annotations = [truth(1, 1, "cat", 0, 0)]
    detections = [found(1, "dog", 0.9, 0, 0)]
    assert matrix(annotations, detections, ["dog", "cat"]) == [[0, 0], [1, 0]]
    assert matrix(annotations, detections, ["cat", "cow"]) == [[0, 0], [0, 0]]


def test_the_most_confident_detection_names_the_object_whatever_the_order():
    annotations = [truth(1, 1, "cat", 0, 0)]
    sure, unsure = found(1, "dog", 0.9, 1, 0), found(1, "cat", 0.3, 0, 0)
    for detections in ([sure, unsure], [unsure, sure]):
        assert matrix(annotations, detections)[0] == [0, 1, 0]


def test_a_detection_takes_the_object_that_it_overlaps_most():
    annotations = [truth(1, 1, "cat", 0, 0), truth(2, 1, "cow", 3, 0)]
    assert matrix(annotations, [found(1, "dog", 0.9, 2, 0)]) == [[0, 0, 0], [0, 0, 0], [0, 1, 0]]


def test_a_second_detection_gets_what_is_free():
    annotations = [truth(1, 1, "cat", 0, 0), truth(2, 1, "cow", 3, 0)]
    detections = [found(1, "cow", 0.9, 3, 0), found(1, "dog", 0.8, 2, 0)]
    assert matrix(annotations, detections) == [[0, 1, 0], [0, 0, 0], [0, 0, 1]]


def test_masks_are_compared_not_boxes():
    # The triangle's box is the detection's, its mask only half of it.
    triangle = truth(1, 1, "cat", 0, 0, segmentation=[[0, 0, 10, 0, 0, 10]])
    detections = [found(1, "cat", 0.9, 0, 0)]
    assert matrix([triangle], detections, min_iou=0.4)[0][0] == 1
    assert matrix([triangle], detections, min_iou=0.7)[0][0] == 0


def test_limits_of_score_and_overlap():
    annotations = [truth(1, 1, "cat", 0, 0)]
    detections = [found(1, "dog", 0.4, 0, 5)]  # IoU 50 / 150
    assert matrix(annotations, detections)[0] == [0, 0, 0]
    assert matrix(annotations, detections, min_iou=0.3)[0] == [0, 1, 0]
    assert matrix(annotations, detections, min_iou=0.3, min_score=0.4)[0] == [0, 1, 0]
    assert matrix(annotations, detections, min_iou=0.3, min_score=0.41)[0] == [0, 0, 0]


def test_crowds_and_images_that_were_not_evaluated_are_left_out():
    annotations = [truth(1, 1, "cat", 0, 0, iscrowd=1), truth(2, 2, "cow", 0, 0)]
    detections = [found(1, "dog", 0.9, 0, 0)]
    assert np.sum(matrix(annotations, detections, evaluated=(1,))) == 0


def test_rows_are_normalised_and_an_unseen_class_keeps_to_itself():
    rows = row_normalised(np.array([[3, 1, 0], [0, 0, 0], [0, 0, 2]]))
    assert rows.tolist() == [[0.75, 0.25, 0], [0, 1, 0], [0, 0, 1]]


def test_unusable_input():
    cat, seen = truth(1, 1, "cat", 0, 0), found(1, "dog", 0.9, 0, 0)
    with pytest.raises(InputError, match=r"unknown class 'kat'\. Did you mean 'cat'"):
        matrix([cat], [seen], ["kat"])
    with pytest.raises(InputError, match="annotation 1 has no segmentation"):
        matrix([{**cat, "segmentation": []}], [seen])
    with pytest.raises(InputError, match="hold 1 category id"):
        matrix([cat], [{**seen, "category_id": 99}])
    with pytest.raises(InputError, match="hold 1 image id"):
        matrix([cat], [{**seen, "image_id": 9}], evaluated=(1, 9))
    for limits in ({"min_iou": 0.0}, {"min_score": 1.5}, {"min_iou": float("nan")}):
        with pytest.raises(InputError, match="the least"):
            matrix([cat], [seen], **limits)
