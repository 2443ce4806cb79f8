import json

import cv2
import numpy as np
import pytest
from PIL import Image

from noisyseg.bench.datasets.image_files import ListedImage, check_image_files
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
    entries = json.loads((folder / "annotations.json").read_bytes())["images"]
    check_image_files([ListedImage(**entry) for entry in entries], folder / "images")


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


def listed_as(folder, name, width, height):
    entry = {"file_name": name, "width": width, "height": height}
    (folder / "annotations.json").write_text(json.dumps({"images": [entry]}))


@pytest.mark.parametrize("name", ["a.tif", "a.webp"])
@pytest.mark.parametrize("orientation", range(2, 9))
def test_other_formats_have_the_size_that_opencv_reads_too(folder, name, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = folder / "images" / name
    Image.new("RGB", (20, 10)).save(path, exif=exif)
    height, width = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR).shape[:2]
    listed_as(folder, name, width, height)
    check(folder)
    listed_as(folder, name, height, width)
    with pytest.raises(InputError, match="training turns JPEG, PNG and TIFF as EXIF says"):
        check(folder)


@pytest.mark.parametrize("values", [np.float32([[0.5] * 20] * 10), np.int32([[7] * 20] * 10)])
def test_depths_that_opencv_does_not_take_are_refused(folder, values):
    Image.fromarray(values).save(folder / "images" / "f.tif")
    listed_as(folder, "f.tif", 20, 10)
    with pytest.raises(InputError, match=r"f\.tif cannot be read as an image by OpenCV.*8 bits"):
        check(folder)


@pytest.mark.parametrize("name", ["d.png", "d.tif"])
def test_deep_images_that_training_reads_as_nearly_black_are_warned_of(folder, name, capsys):
    cv2.imwrite(str(folder / "images" / name), np.full((10, 20), 4095, np.uint16))
    listed_as(folder, name, 20, 10)
    check(folder)
    warning = capsys.readouterr().err
    assert warning.count("\n") == 1
    assert f"{folder / 'images'}: of 1 images of more than 8 bits that were looked at, 1" in warning
    assert f"e.g. {name}: its brightest pixel is 15 of 255" in warning  # 4095 // 256
    cv2.imwrite(str(folder / "images" / name), np.full((10, 20), 65535, np.uint16))
    check(folder)
    assert capsys.readouterr().err == ""


def test_of_many_deep_images_a_sample_is_looked_at(folder, capsys):
    entries = []
    for number in range(40):
        name = f"{number}.png"
        cv2.imwrite(str(folder / "images" / name), np.full((10, 20), 900, np.uint16))
        entries.append({"file_name": name, "width": 20, "height": 10})
    (folder / "annotations.json").write_text(json.dumps({"images": entries}))
    check(folder)
    assert "of 16 images of more than 8 bits that were looked at, 16 are" in capsys.readouterr().err


def test_an_image_of_more_than_8_bits_with_damaged_pixels_is_named(folder):
    path = folder / "images" / "a.png"
    Image.fromarray(np.full((10, 20), 300, np.uint16)).save(path)
    content = bytearray(path.read_bytes())
    start = content.index(b"IDAT") + 4
    content[start : start + 12] = b"\xff" * 12
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"a\.png cannot be used"):
        check(folder)
