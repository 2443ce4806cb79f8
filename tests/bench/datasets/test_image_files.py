import json

import cv2
import numpy as np
import pytest
from PIL import Image

from noisyseg.bench.datasets.image_files import check_image_files
from noisyseg.errors import InputError


@pytest.fixture
def folder(tmp_path):
    """Three images, 20 wide and 10 high, and the annotation file that says so."""
    (tmp_path / "images" / "sub").mkdir(parents=True)
    names = ["a.png", "b.jpg", "sub/c.jpg"]
    for name in names:
        Image.new("RGB", (20, 10), "red").save(tmp_path / "images" / name)
    entries = [{"file_name": name, "width": 20, "height": 10} for name in names]
    (tmp_path / "annotations.json").write_text(json.dumps({"images": entries}))
    return tmp_path


def check(folder):
    check_image_files(folder / "annotations.json", folder / "images")


def test_images_of_the_sizes_that_the_file_says_are_fine(folder):
    check(folder)


def test_an_image_of_another_size_is_named_with_both_sizes(folder):
    Image.new("L", (21, 10)).save(folder / "images" / "b.jpg")
    with pytest.raises(
        InputError, match=r"1 of 3 images .*: b\.jpg has 21 × 10 pixels, not 20 × 10"
    ):
        check(folder)


@pytest.mark.parametrize("content", [b"", b"no image", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0"])
def test_a_file_that_is_no_image_is_named(folder, content):
    (folder / "images" / "sub" / "c.jpg").write_bytes(content)
    with pytest.raises(InputError, match=r"1 of 3 .*: sub/c\.jpg cannot be read as an image"):
        check(folder)


def test_an_image_that_has_gone_since_is_named(folder):
    (folder / "images" / "a.png").unlink()
    with pytest.raises(InputError, match=r"a\.png cannot be read"):
        check(folder)


def test_only_the_first_are_listed(folder):
    entry = {"file_name": "a.png", "width": 7, "height": 7}
    (folder / "annotations.json").write_text(json.dumps({"images": [entry] * 9}))
    with pytest.raises(InputError, match="9 of 9 images") as caught:
        check(folder)
    assert str(caught.value).count("a.png has") == 3


@pytest.mark.parametrize("orientation", range(1, 9))
def test_an_image_turned_by_its_exif_tag_has_the_size_that_opencv_reads(folder, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = folder / "images" / "b.jpg"
    Image.new("RGB", (20, 10)).save(path, exif=exif)
    height, width = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR).shape[:2]
    document = json.loads((folder / "annotations.json").read_text())
    document["images"][1].update(width=width, height=height)
    (folder / "annotations.json").write_text(json.dumps(document))
    check(folder)
    document["images"][1].update(width=height, height=width)
    (folder / "annotations.json").write_text(json.dumps(document))
    with pytest.raises(InputError, match=r"b\.jpg has"):
        check(folder)
