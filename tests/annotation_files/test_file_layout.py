import pytest

from noisyseg.annotation_files.file_layout import annotation_spans, category_names
from noisyseg.annotation_files.mapped_file import map_file


def file_of(annotations):
    return b'{"images": [{"a": 1}], "categories": [], "annotations": ' + annotations + b"}"


def test_spans_are_those_of_the_objects_however_they_are_spaced():
    entries = [b'{"a": {"b": "}{"}}', b"{}", b'{ "c":\n[{}] }']
    data = file_of(b"[ " + entries[0] + b"," + entries[1] + b"\n ,\t" + entries[2] + b" ]")
    spans = annotation_spans(data)
    assert [data[start:end] for start, end in spans.tolist()] == entries


def test_no_annotation_has_no_span():
    assert annotation_spans(file_of(b"[]")).shape == (0, 2)


@pytest.mark.parametrize("annotations", [b'[{"a": {}}, 1]', b"[1]", b"{}", b"[{]"])
def test_what_is_no_list_of_objects_has_none(annotations):
    assert annotation_spans(file_of(annotations)) is None


CATEGORIES = '"categories": [{"id": 1, "name": "cat"}, {"id": 2, "name": "é \\"categories\\": []"}]'


@pytest.mark.parametrize(
    ("text", "names"),
    [
        pytest.param('{"images": [], %s}', True, id="at the end"),
        pytest.param('{"images": [], %s }\n ', True, id="before white space"),
        pytest.param('{%s, "images": [], "annotations": []}', True, id="at the beginning"),
        pytest.param('{"categories": [{"id": 9, "name": "x"}], %s}', True, id="the last of two"),
        pytest.param('{%s, "more": {"categories": [{"id": 9, "name": "x"}]}}', True, id="nested"),
        pytest.param('{%s, "more": [{"categories": [{"id": 9, "name": "x"}]}]}', True, id="in one"),
        pytest.param('{%s, "more": "categories"}', True, id="a text"),
        pytest.param('{"more": {%s}}', False, id="nested alone"),
        pytest.param('{"images": [], %s}}', False, id="a brace too many"),
        pytest.param('{"images": [], "categories": [{"id": 1}]}', False, id="without a name"),
        pytest.param('{"images": [], "categories": [{"name": "x"}]}', False, id="without an id"),
        pytest.param('{"images": []}', False, id="none"),
        pytest.param("", False, id="empty"),
    ],
)
@pytest.mark.parametrize("before", [0, 2**20])
def test_category_names_are_those_of_the_whole_document(text, names, before, tmp_path):
    data = (" " * before + text.replace("%s", CATEGORIES)).encode()
    wanted = ["cat", 'é "categories": []'] if names else None
    assert category_names(data) == wanted
    path = tmp_path / "file.json"
    path.write_bytes(data)
    assert category_names(map_file(path)) == wanted


def test_categories_are_read_without_the_rest_where_they_end_the_file():
    """By what is not looked at: the check of the annotations tells of it."""
    assert category_names(b'{"images": [nonsense], ' + CATEGORIES.encode() + b"}") is not None
