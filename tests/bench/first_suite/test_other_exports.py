"""Annotations of other forms in a folder without COCO's JSON."""

import gzip

import pytest

from noisyseg.bench.first_suite.other_exports import other_exports
from noisyseg.bench.first_suite.parts import Wanted, choose_parts
from noisyseg.errors import InputError

FILES = {
    "train.json.gz": (gzip.compress(b"{}"), "packed with gzip"),
    "export.zip": (b"PK\x03\x04", "packed with zip"),
    "train.jsonl": (b'{"id": 1}\n{"id": 2}\n', "JSON Lines"),
    "labels/a.txt": (b"0 0.5 0.5 0.2 0.2\n", "YOLO"),
    "Annotations/a.xml": (b"<annotation><object></object></annotation>", "Pascal VOC"),
}


@pytest.mark.parametrize("name", FILES)
def test_what_is_there_is_said_with_the_export_that_is_wanted(name, tmp_path):
    content, said = FILES[name]
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    (tmp_path / "README.txt").write_text("made by a tool")
    with pytest.raises(InputError) as refused:
        choose_parts(tmp_path, Wanted())
    assert f"{name}" in str(refused.value)
    assert said in str(refused.value)
    assert "COCO's form with masks is wanted" in str(refused.value)


def test_a_readme_alone_is_nothing(tmp_path):
    (tmp_path / "README.txt").write_text("made by a tool")
    assert other_exports(tmp_path) == []
