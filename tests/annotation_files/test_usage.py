import pytest

from noisyseg.annotation_files.columns import columns_of
from noisyseg.annotation_files.findings import Level, grouped
from noisyseg.annotation_files.usage import usage_findings


def told(document, part=None):
    return grouped(usage_findings(columns_of(document), part))


def test_of_a_file_in_order_nothing_is_said(made):
    assert told(made()) == []


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"iscrowd": 1}, "1 of 3 annotations are crowds and are left out (iscrowd: 1)"),
        ({"iscrowd": True}, "1 of 3 annotations are crowds and are left out"),
        ({"ignore": 1}, "1 of 3 annotations are ignored (ignore: 1): left out of training, while"),
        ({"area": 0}, "1 of 3 annotations are without an area: left out of training"),
        ({"bbox": [2, 2, 0.5, 5]}, "1 of 3 annotations are smaller than a pixel: left out of"),
        ({"bbox": [30, 2, 5, 5]}, "1 of 3 annotations are outside of their image: left out of"),
        ({"bbox": [2, 2, 0, 5]}, "1 of 3 annotations are smaller than a pixel"),
    ],
)
def test_what_is_left_out_is_counted_by_its_reason(made, fields, text):
    (line,) = told(made(**fields))
    assert line.startswith(text)


def test_an_annotation_is_counted_once(made):
    (line,) = told(made(ignore=1, iscrowd=1, area=0))
    assert line.startswith("1 of 3 annotations are ignored")


@pytest.mark.parametrize(
    "fields", [{"iscrowd": 1}, {"ignore": 1}, {"area": 0}, {"bbox": [5e5, 4.5e6, 9, 9]}]
)
def test_where_nothing_is_left_it_is_an_error(made, fields):
    document = made()
    for annotation in document["annotations"]:
        annotation.update(fields)
    findings = list(usage_findings(columns_of(document)))
    assert [f.level for f in findings] == [Level.ERROR]
    assert findings[0].kind.startswith("none of the 3 annotations of the run's classes can be used")


@pytest.mark.parametrize(
    ("fields", "told_of_it"), [({"ignore": 1}, True), ({"area": 0}, False), ({"iscrowd": 1}, True)]
)
def test_evaluation_leaves_out_crowds_alone(made, fields, told_of_it):
    document = made()
    for annotation in document["annotations"]:
        annotation.update(fields)
    findings = list(usage_findings(columns_of(document), "eval"))
    assert [f.level for f in findings if f.level is Level.ERROR] == [Level.ERROR] * (
        "iscrowd" in fields
    )
    assert len(findings) == told_of_it
    if "ignore" in fields:
        assert "3 of 3 annotations are ignored (ignore: 1), which COCO's" in findings[0].kind


def test_a_file_without_annotations(made):
    document = {**made(), "annotations": []}
    assert told(document)[0] == "the file has no annotation."


def test_a_flag_on_many_masks_is_questioned(made):
    document = made()
    few = [{**document["annotations"][0], "id": 100 + n} for n in range(17)]
    document["annotations"][1]["iscrowd"] = 1
    assert "brush" in told(document)[0]
    document["annotations"] += few
    assert "brush" not in told(document)[0]


def test_classes_without_an_annotation_are_named(made):
    document = made()
    document["categories"] = [
        {"id": 0, "name": "animals"},
        *document["categories"],
        {"id": 4, "name": "dog"},
    ]
    (line,) = told(document, "train")
    assert line.startswith("2 of 3 classes have no annotation that can be used: 'animals', 'dog'.")
    assert "noise would turn labels into it" in line
    (line,) = told(document, "eval")
    assert line.endswith("AP is the mean over the others.")
    # An annotation that is left out does not make a class one that is trained.
    document["annotations"].append({**document["annotations"][0], "category_id": 4, "iscrowd": 1})
    assert "'animals', 'dog'" in told(document)[1]


def test_images_without_annotations_are_counted(made):
    document = made()
    document["images"] += [{**document["images"][0], "id": n} for n in (2, 3)]
    assert told(document, "train") == [
        "2 of 3 images have no annotation of the run's classes: training leaves them out."
    ]
    assert "counts as wrong" in told(document, "eval")[0]


def crowded(made, objects, crowds=0):
    document = made()
    one = document["annotations"][0]
    document["annotations"] = [
        {**one, "id": n, "iscrowd": int(n >= objects)} for n in range(objects + crowds)
    ]
    return document


def test_more_objects_than_detections_count_are_told(made):
    assert told(crowded(made, 100)) == []
    (line,) = told(crowded(made, 101), "eval")
    assert line.startswith(
        "1 of 1 images have more than 100 objects, at most 101 in image 1 (a.png)"
    )
    assert told(crowded(made, 101), "train") == []
    assert not any("100 objects" in line for line in told(crowded(made, 100, crowds=9)))
