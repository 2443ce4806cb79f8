import pytest

from noisyseg.annotation_files.file_layout import annotation_spans


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
