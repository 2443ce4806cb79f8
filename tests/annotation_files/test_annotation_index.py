import json

import numpy as np
import pytest

from noisyseg.annotation_files import annotation_index
from noisyseg.annotation_files.annotation_index import index_of, index_path, write_index

BOX = {"bbox": [1, 1, 5, 5], "area": 25}
DOCUMENT = {
    "info": "é",
    "images": [
        {"id": 8, "file_name": "b", "width": 9, "height": 7},
        {"id": 3, "file_name": "a", "width": 6, "height": 20},
        {"id": 5, "file_name": "c", "width": 6, "height": 6},
    ],
    "annotations": [
        {"id": 4, "image_id": 5, "category_id": 2, **BOX},
        {"id": 2, "image_id": 8, "category_id": 1, **BOX},
        {"id": 9, "image_id": 77, "category_id": 1, **BOX},  # of no image
        {"id": 1, "image_id": 5, "category_id": 1, **BOX},
    ],
    "categories": [{"id": 1, "name": "x"}, {"id": 2, "name": "y"}],
}


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "train.json"
    path.write_text(json.dumps(DOCUMENT, ensure_ascii=False))
    return path


def entries_of(path, index):
    """The ids of every image and its annotations, by the bytes that the index names."""
    data = path.read_bytes()

    def number(span):
        return json.loads(data[slice(*span)])["id"]

    spans = [index.spans(place) for place in range(len(index.images))]
    return [(number(image), [number(span) for span in rest]) for image, rest in spans]


def test_it_leads_to_every_image_and_its_annotations_in_the_files_order(path):
    index = index_of(path)
    assert entries_of(path, index) == [(8, [2]), (3, []), (5, [4, 1])]
    assert index.sides.tolist() == [7, 6, 6]
    assert index.with_category([1]).tolist() == [True, False, True]
    assert index.with_category([2]).tolist() == [False, False, True]
    assert index.categories == DOCUMENT["categories"]


@pytest.fixture
def unmade(monkeypatch):
    """An index that is made, not read, is an error."""
    monkeypatch.setattr(annotation_index, "layout_of", lambda *_, **__: pytest.fail("it was made"))


def test_a_written_one_is_read(path, request):
    made = index_of(path)
    write_index(path)
    request.getfixturevalue("unmade")
    write_index(path)
    read = index_of(path)
    assert read.categories == made.categories
    assert np.array_equal(read.images, made.images)
    assert np.array_equal(read.annotations, made.annotations)


def spoil(content, kind):
    if kind == "another version":
        return content.replace(b'"version":1', b'"version":9')
    if kind == "cut short":
        return content[:-8]
    if kind == "empty":
        return b""
    at = {"first byte": 0, "header": 12, "last byte": len(content) - 1}[kind]
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


@pytest.mark.parametrize(
    "kind", ["another version", "cut short", "empty", "first byte", "header", "last byte"]
)
def test_a_damaged_one_is_not_used_and_written_again(path, kind):
    write_index(path)
    whole = index_path(path).read_bytes()
    index_path(path).write_bytes(spoil(whole, kind))
    assert entries_of(path, index_of(path)) == [(8, [2]), (3, []), (5, [4, 1])]
    write_index(path)
    assert index_path(path).read_bytes() == whole


def test_one_of_another_file_is_not_used(path):
    write_index(path)
    path.write_text(json.dumps({**DOCUMENT, "images": DOCUMENT["images"][:2]}))
    assert entries_of(path, index_of(path)) == [(8, [2]), (3, [])]


@pytest.mark.parametrize(
    ("section", "changes"),
    [
        ("images", {"id": 3}),  # twice
        ("images", {"file_name": None}),
        ("annotations", {"id": 2}),
        ("annotations", {"category_id": 1.0}),
        ("annotations", {"id": 2**63}),
        ("categories", 7),
    ],
)
def test_a_file_with_oddities_has_none(path, section, changes):
    document = json.loads(path.read_text())
    if isinstance(changes, dict):
        document[section][0].update(changes)
    else:
        document[section] = changes
    path.write_text(json.dumps(document))
    assert index_of(path) is None
    write_index(path)
    assert not index_path(path).exists()
