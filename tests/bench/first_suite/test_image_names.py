"""Names of image files as tools write them."""

import pytest

from noisyseg.bench.first_suite.image_names import ImageFiles, files_below, files_in, renamed
from noisyseg.errors import InputError


def test_two_names_that_become_one_are_refused(tmp_path):
    images = [{"id": 1, "file_name": "a/1.jpg"}, {"id": 2, "file_name": "b/1.jpg"}]
    with pytest.raises(InputError, match=r"'a/1.jpg' and 'b/1.jpg' are one"):
        renamed(images, ImageFiles({}), tmp_path / "train.json")


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("/home/me/100%25.jpg", "100%25.jpg"),
        ("x/a%20b.jpg", "a b.jpg"),
        ("C:\\me\\c.jpg", "c.JPG"),
        ("c.JPG", "c.JPG"),
        ("d.JPEG", "d.jpeg"),
        ("e.jpg", None),
        ("noending", None),
    ],
)
def test_an_exact_name_goes_before_an_unescaped_one_and_another_ending(name, meant, tmp_path):
    for own in ("100%25.jpg", "100%.jpg", "a b.jpg", "c.JPG", "d.jpeg", "e.png"):
        (tmp_path / own).touch()
    assert files_in(tmp_path).meant(name) == ([] if meant is None else [meant])


def test_of_files_below_those_whose_folders_are_named_are_meant(tmp_path):
    for place in ("a/x", "b/x", "b/y"):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "1.jpg").touch()
    files = files_below(tmp_path, lambda folder: True)
    assert files.meant("/home/b/x/1.jpg") == ["b/x/1.jpg"]
    assert files.meant("y\\1.jpg") == ["b/y/1.jpg"]
    assert files.meant("x/1.jpg") == ["a/x/1.jpg", "b/x/1.jpg"]
    assert files_in(tmp_path).meant("x/1.jpg") == []
