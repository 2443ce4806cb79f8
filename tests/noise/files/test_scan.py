import json
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import noisyseg.noise.files.scan as scan
from noisyseg.annotation_files.document import parse_annotations
from noisyseg.annotation_files.mapped_file import map_file
from noisyseg.errors import InputError
from noisyseg.noise.files.scan import scan_annotations


@pytest.fixture
def document(make_document):
    made = make_document(["hen", "cat", "dog"], per_class=20, crowds=5)
    made["categories"][1]["supercategory"] = "pet"
    made["categories"].reverse()
    random.Random(0).shuffle(made["annotations"])
    return made


def encoded(document, **options):
    return json.dumps(document, **options).encode()


@pytest.mark.parametrize("options", [{}, {"indent": 1}, {"separators": (",", ":")}])
def test_the_columns_are_those_of_the_file(document, options):
    del document["annotations"][0]["iscrowd"]
    table = scan_annotations(encoded(document, **options))
    entries, categories = document["annotations"], document["categories"]
    assert table.categories.ids == tuple(entry["id"] for entry in categories)
    assert table.categories.names == ("dog", "cat", "hen")
    assert table.categories.supercategories == (None, "pet", None)
    assert table.numbers.tolist() == [entry["id"] for entry in entries]
    names = {entry["id"]: entry["name"] for entry in categories}
    assert [table.categories.names[index] for index in table.classes] == [
        names[entry["category_id"]] for entry in entries
    ]
    assert table.crowds.tolist() == [entry.get("iscrowd", 0) == 1 for entry in entries]
    assert (table.numbers.dtype, table.classes.dtype) == (np.int64, np.int64)


def test_a_file_without_annotations(document):
    document["annotations"] = []
    assert len(scan_annotations(encoded(document)).numbers) == 0


def entry_of(section, key, value):
    def change(document):
        document[section][1][key] = value

    return change


def copied(section, key):
    def change(document):
        document[section][2][key] = document[section][1][key]

    return change


def without(section, key):
    def change(document):
        del document[section][1][key]

    return change


BAD = {
    **{
        f"{section} {key} {value!r}": entry_of(section, key, value)
        for section, key in [
            ("images", "id"),
            ("annotations", "id"),
            ("annotations", "image_id"),
            ("annotations", "category_id"),
            ("categories", "id"),
        ]
        for value in (1.0, True, "1", None, [1])
    },
    **{
        f"twice {section} {key}": copied(section, key)
        for section, key in [
            ("images", "id"),
            ("annotations", "id"),
            ("categories", "id"),
            ("categories", "name"),
        ]
    },
    **{
        f"no {section} {key}": without(section, key)
        for section, key in [
            ("images", "id"),
            ("annotations", "id"),
            ("annotations", "image_id"),
            ("annotations", "category_id"),
            ("categories", "id"),
            ("categories", "name"),
        ]
    },
    "unknown image": entry_of("annotations", "image_id", 999),
    "unknown category": entry_of("annotations", "category_id", 999),
    **{f"crowd {value}": entry_of("annotations", "iscrowd", value) for value in (2, 0.5, -1, "0")},
    "empty name": entry_of("categories", "name", ""),
    "no list": lambda document: document.update(images={}),
    "no images": lambda document: document.pop("images"),
}


@pytest.mark.parametrize("change", BAD.values(), ids=BAD)
def test_what_the_parser_refuses_is_not_scanned(change, document):
    assert scan_annotations(encoded(document)) is not None
    change(document)
    assert scan_annotations(encoded(document)) is None
    with pytest.raises(InputError):
        parse_annotations(encoded(document), "here")


def test_other_bytes_than_text_are_not_scanned(document):
    data = encoded(document).replace(b"made for", b"made f\xffr")
    assert scan_annotations(data) is None
    with pytest.raises(InputError, match="not valid JSON"):
        parse_annotations(data, "here")


@pytest.mark.parametrize("place", range(4))
def test_letters_of_several_bytes_at_the_border_of_blocks(place, document, monkeypatch):
    monkeypatch.setattr(scan, "_BLOCK", 64)
    document["info"]["description"] = "x" * place + "é漢😀" * 60
    data = encoded(document, ensure_ascii=False)
    assert scan_annotations(data) is not None
    assert scan_annotations(data.replace("😀".encode(), "😀".encode()[:3])) is None


def test_ids_that_64_bits_do_not_hold(document):
    document["annotations"][3]["id"] = 2**63
    assert scan_annotations(encoded(document)) is None
    document["annotations"][3]["id"] = -(2**63)
    assert scan_annotations(encoded(document)).numbers[3] == -(2**63)


@settings(deadline=None)
@given(cut=st.integers(min_value=0))
def test_no_beginning_of_a_file_is_scanned(cut):
    data = encoded(
        {
            "images": [{"id": 1, "file_name": "é.jpg"}],
            "annotations": [{"id": 7, "image_id": 1, "category_id": 2, "bbox": [0.5, 1e3, 2, 3]}],
            "categories": [{"id": 2, "name": "cat"}],
        }
    )
    assert scan_annotations(data) is not None
    assert scan_annotations(data[: cut % len(data)]) is None


def test_files_are_mapped_or_refused(tmp_path):
    path = tmp_path / "some.json"
    with pytest.raises(InputError, match=r"cannot read the annotation file .*some\.json"):
        map_file(path)
    path.write_bytes(b"")
    assert map_file(path)[:] == b""
    path.write_bytes(b"{}")
    assert map_file(path)[:] == b"{}"
    with pytest.raises(InputError, match="cannot read the annotation file"):
        map_file(tmp_path)
