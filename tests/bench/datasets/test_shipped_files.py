"""Paths of noisyseg's own files, and what a suite says that uses nothing else."""

import pytest

from noisyseg.bench.datasets.shipped_files import FOLDER, is_shipped, placed_path
from noisyseg.bench.datasets.source import usual_root
from noisyseg.errors import InputError
from noisyseg.files import sha256_file

WEIGHTS = "shipped://mobilenetv2/mobilenetv2_imagenet.pth"
SHIPPED = """
format: coco
name: n
train: {annotations: shipped://boards/annotations/train.json, images: shipped://boards/train}
eval: {annotations: shipped://boards/annotations/eval.json, images: shipped://boards/eval}
"""


def test_a_shipped_path_is_found_whatever_the_root_is(tmp_path):
    path = placed_path(WEIGHTS, tmp_path, where="")
    assert path == FOLDER / "mobilenetv2/mobilenetv2_imagenet.pth"
    assert sha256_file(path).startswith("046bf227b668ee15")
    assert placed_path("a/b.json", tmp_path, where="") == tmp_path / "a/b.json"


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("shipped://bords/train", r"s.yaml, line 3: unknown folder of shipped:// 'bords'.*boards"),
        ("shipped://", "unknown folder of shipped://"),
        ("shipped://mobilenetv2/other.pth", "noisyseg brings no shipped://mobilenetv2/other.pth"),
        ("shipped://mobilenetv2/../../source.py", r"line 3: .* got \S+: \.\. is not allowed in it"),
        ("shipped://boards/../../../config", r"\.\. is not allowed .* one of boards, mobilenetv2"),
        ("shipped://../shipped/boards", r"\.\. is not allowed"),
    ],
)
def test_what_is_not_there_is_named(tmp_path, path, problem):
    with pytest.raises(InputError, match=problem):
        placed_path(path, tmp_path, where="s.yaml, line 3")


def test_files_that_were_not_installed_are_asked_for(tmp_path, monkeypatch):
    gone = tmp_path / "shipped"
    monkeypatch.setattr("noisyseg.bench.datasets.shipped_files.FOLDER", gone)
    with pytest.raises(InputError) as caught:
        placed_path(WEIGHTS, tmp_path, where="s.yaml, line 3")
    assert str(caught.value) == (
        f"s.yaml, line 3: wanted {WEIGHTS}, of the files that come with noisyseg in {gone}, which "
        "cannot be read: No such file or directory. Install noisyseg again, whole."
    )
    assert placed_path("a.pth", tmp_path, where="") == tmp_path / "a.pth"


def test_a_suite_of_noisyseg_that_uses_its_files_alone_needs_no_root(read, tmp_path):
    data = read(SHIPPED)
    assert is_shipped(data)
    assert usual_root(None, data, tmp_path / "cache") == tmp_path / "cache"
    # A user's own may name other files beside, such as weights.
    assert usual_root(tmp_path / "own.yaml", data, tmp_path / "cache") == tmp_path


def test_a_suite_that_names_files_of_the_users_does(read, tmp_path):
    data = read(SHIPPED.replace("shipped://boards/eval", "eval"))
    assert not is_shipped(data)
    assert usual_root(None, data, tmp_path) is None
    assert usual_root(None, read("format: shapes"), tmp_path) == tmp_path


@pytest.mark.parametrize("name", ["boards", "mobilenetv2"])
def test_source_and_licence_stand_beside_the_files(name):
    folder = FOLDER / name
    assert len((folder / "LICENSE").read_text(encoding="utf-8")) > 500
    assert "http" in (folder / "README.md").read_text(encoding="utf-8")


def test_the_weights_are_those_that_their_readme_tells_of():
    folder = FOLDER / "mobilenetv2"
    (file,) = folder.glob("*.pth")
    assert f"| SHA-256 | `{sha256_file(file)}` |" in (folder / "README.md").read_text("utf-8")
