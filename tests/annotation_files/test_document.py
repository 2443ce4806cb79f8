import gc
import json
import os
from pathlib import Path

import pytest

from noisyseg.annotation_files.document import (
    check_document,
    encode_annotations,
    parse_annotations,
    read_annotations,
    write_annotations,
)
from noisyseg.errors import InputError

ROOT = Path(__file__).parents[2]
REAL = {
    "coco": ROOT / "tests/data/coco_sample/annotations/instances_train2017.json",
    "boards": ROOT / "bench/datasets/shipped/boards/annotations/train.json",
}


@pytest.fixture
def document(make_document):
    return make_document(["cat", "dog"], per_class=4, crowds=1)


def refused(document):
    with pytest.raises(InputError) as caught:
        check_document(document, "train.json")
    message = str(caught.value)
    assert message.startswith("train.json: ")
    return message


def test_what_was_written_is_read(document, tmp_path):
    write_annotations(tmp_path / "new" / "a.json", document)
    assert read_annotations(tmp_path / "new" / "a.json") == document
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a.json"]


def test_bytes_are_the_documents_and_keep_its_key_order(document):
    encoded = encode_annotations(document)
    assert encoded == json.dumps(document, separators=(",", ":")).encode()
    assert encode_annotations(parse_annotations(encoded, "x")) == encoded


def test_keys_that_nobody_reads_are_kept(document):
    document["licenses"] = [{"id": 1}]
    document["annotations"][0]["attributes"] = {"occluded": True}
    assert parse_annotations(encode_annotations(document), "x") == document


def test_an_empty_file_list_is_allowed():
    check_document({"images": [], "annotations": [], "categories": []}, "x")


@pytest.mark.parametrize("name", ["gone.json", "."])
def test_unreadable_files_are_refused(name, tmp_path):
    with pytest.raises(InputError, match="cannot read the annotation file") as caught:
        read_annotations(tmp_path / name)
    assert str(tmp_path / name) in str(caught.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_files_without_permission_are_refused(tmp_path):
    (tmp_path / "a.json").touch(mode=0o000)
    with pytest.raises(InputError, match="Permission denied"):
        read_annotations(tmp_path / "a.json")


def test_a_truncated_file_is_refused_wherever_it_ends(document, tmp_path):
    data = encode_annotations(document)
    path = tmp_path / "train.json"
    for size in [1, 2, 50, len(data) // 2, len(data) - 1]:
        path.write_bytes(data[:size])
        with pytest.raises(
            InputError, match=f"not valid JSON at line .* has {size} bytes"
        ) as caught:
            read_annotations(path)
        assert str(caught.value).startswith(str(path))


def test_the_place_of_broken_json_is_told():
    with pytest.raises(InputError, match=r"train\.json: not valid JSON at line 3, column 15"):
        parse_annotations(b'{\n"images": [],\n"annotations":x}', "train.json")


@pytest.mark.parametrize("data", [b'{"images": [NaN]}', b'{"a": "\xff"}', b"\xef\xbb\xbf{}"])
def test_what_is_no_json_is_refused(data):
    with pytest.raises(InputError, match="not valid JSON"):
        parse_annotations(data, "x")


def test_the_garbage_collector_is_left_as_it_was():
    assert gc.isenabled()
    parse_annotations(b'{"images": [], "annotations": [], "categories": []}', "x")
    with pytest.raises(InputError):
        parse_annotations(b"{", "x")
    assert gc.isenabled()


@pytest.mark.parametrize("value", [[], None, 3, "text"])
def test_only_an_object_will_do(value):
    assert "holds an object" in refused(value)


@pytest.mark.parametrize("key", ["images", "annotations", "categories"])
@pytest.mark.parametrize("value", [None, {}, "absent"])
def test_the_three_lists_are_required(document, key, value):
    document[key] = value
    if value == "absent":
        del document[key]
    assert f"no list '{key}'" in refused(document)


@pytest.mark.parametrize(
    ("section", "key"),
    [
        ("annotations", "id"),
        ("annotations", "image_id"),
        ("annotations", "category_id"),
        ("annotations", "bbox"),
        ("images", "id"),
        ("images", "file_name"),
        ("images", "width"),
        ("images", "height"),
        ("categories", "id"),
        ("categories", "name"),
    ],
)
def test_every_required_field_is_missed(document, section, key):
    del document[section][1][key]
    message = refused(document)
    assert f"1 × unusable {section}: {section}[1]" in message
    assert f"has no '{key}'" in message


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        ("annotations", "id", "7"),
        ("annotations", "id", 7.0),
        ("annotations", "id", True),
        ("annotations", "image_id", None),
        ("annotations", "category_id", "cat"),
        ("annotations", "bbox", None),
        ("annotations", "bbox", [1, 2, 3]),
        ("annotations", "bbox", [1, 2, 3, 4, 5]),
        ("annotations", "bbox", [1, 2, 3, "4"]),
        ("annotations", "bbox", [1, 2, 3, True]),
        ("annotations", "bbox", [1, 2, 3, float("nan")]),
        ("annotations", "bbox", [1, 2, 3, float("inf")]),
        ("annotations", "iscrowd", None),
        ("annotations", "iscrowd", 2),
        ("images", "width", 0),
        ("images", "height", -1),
        ("images", "height", 10.5),
        ("images", "width", True),
        ("images", "file_name", ""),
        ("images", "file_name", 3),
        ("categories", "name", None),
        ("categories", "name", ""),
        ("categories", "id", "1"),
    ],
)
def test_values_of_the_wrong_kind_are_refused(document, section, key, value):
    document[section][1][key] = value
    message = refused(document)
    assert f"1 × unusable {section}: {section}[1]" in message
    assert f"has {key} " in message


@pytest.mark.parametrize("section", ["images", "annotations", "categories"])
def test_entries_must_be_objects(document, section):
    document[section][1] = [1, 2]
    assert f"{section}[1] is not an object but [1, 2]" in refused(document)


@pytest.mark.parametrize("value", [0, 1, True, False])
def test_iscrowd_may_be_absent_or_a_flag(document, value):
    document["annotations"][0]["iscrowd"] = value
    del document["annotations"][1]["iscrowd"]
    check_document(document, "x")


@pytest.mark.parametrize(
    ("section", "key"),
    [("images", "id"), ("annotations", "id"), ("categories", "id"), ("categories", "name")],
)
def test_repeated_ids_and_names_are_refused(document, section, key):
    document[section][1][key] = value = document[section][0][key]
    assert f"1 × several {section} have the same {key}: {value!r}, 2 times" in refused(document)


def test_unknown_images_and_categories_are_refused(document):
    document["annotations"][0]["image_id"] = 99
    document["annotations"][1]["category_id"] = 1
    message = refused(document)
    assert "1 × an annotation's image is not in the file: annotation 1000, image_id 99" in message
    assert (
        "1 × an annotation's category is not in the file: annotation 1017, category_id 1" in message
    )


def test_three_examples_are_shown_and_the_rest_counted(document):
    for entry in document["annotations"][:8]:
        entry["image_id"] = 99
    message = refused(document)
    assert "8 × an annotation's image is not in the file" in message
    assert message.count("image_id 99") == 3
    assert "and 5 more" in message


def test_every_kind_of_fault_is_told_at_once(document):
    del document["annotations"][2]["bbox"]
    document["images"][0]["width"] = 0
    del document["categories"][0]["name"]
    message = refused(document)
    assert "annotations[2] (id 1034, image_id 2) has no 'bbox'" in message
    assert "images[0] (id 0) has width 0, wanted an integer above 0" in message
    assert "categories[0] (id 3) has no 'name'" in message


def test_keys_may_be_optional(document):
    del document["images"][1]["file_name"]
    for entry in document["annotations"]:
        del entry["id"]
    assert "has no 'file_name'" in refused(document)
    may_lack = {"images.file_name", "annotations.id"}
    check_document(document, "x", optional=may_lack)
    document["annotations"][0]["category_id"] = 1
    with pytest.raises(InputError, match="annotation None, category_id 1"):
        check_document(document, "x", optional=may_lack)
    document["images"][0]["file_name"] = 3
    with pytest.raises(InputError, match="has file_name 3"):
        check_document(document, "x", optional=may_lack)


def test_an_address_will_do_for_a_file_name(document):
    del document["images"][1]["file_name"]
    document["images"][1]["coco_url"] = "http://images.cocodataset.org/train2017/000000000009.jpg"
    check_document(document, "x")
    document["images"][1]["coco_url"] = None
    assert "has no 'file_name'" in refused(document)


@pytest.mark.parametrize("name", REAL)
def test_real_files_are_accepted_and_survive(name):
    path = REAL[name]
    document = read_annotations(path)
    assert document == json.loads(path.read_bytes())
    assert json.loads(encode_annotations(document)) == document
