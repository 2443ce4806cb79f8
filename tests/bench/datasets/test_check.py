import json
import shutil
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from noisyseg.bench.datasets.check import check_split
from noisyseg.bench.datasets.data_format import DataOptions
from noisyseg.bench.datasets.formats.registry import FORMATS
from noisyseg.bench.datasets.named_data import named_data
from noisyseg.bench.datasets.split import Split
from noisyseg.files import sha256_file

NAMES = [("voc2012", "seg"), ("voc2012", "sbd"), ("voc2012", "box")]
NAMES += [("coco2017", "box"), ("cityscapes", "box")]


@pytest.fixture
def root(official, tmp_path):
    """Data sets in the official layouts, to be damaged."""
    return Path(shutil.copytree(official, tmp_path / "root"))


def data(root, name, masks="box", **options):
    chosen = {"masks": masks} if name == "voc2012" else {}
    return named_data(FORMATS[name], root, DataOptions(**chosen, **options))


def look(root, name, masks="box", *, allow_partial=True):
    return data(root, name, masks, allow_partial=allow_partial).check()


def kinds(report):
    return Counter(fault.kind for fault in report.faults)


def only(report):
    (fault,) = report.faults
    return fault


def half(path):
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


@pytest.mark.parametrize(("name", "masks"), NAMES)
def test_a_whole_data_set_has_no_fault_but_its_number_of_images(root, name, masks):
    assert look(root, name, masks).faults == []
    report = look(root, name, masks, allow_partial=False)
    lists = 4 if masks == "sbd" else 2  # SBD has lists of its own
    assert kinds(report) == {"the number of images is not the official one": lists}
    assert "train has" in report.faults[0].where
    assert "--allow-partial" in report.faults[0].mend


def test_the_number_of_images_is_only_remarked_where_that_is_allowed(root):
    assert look(root, "cityscapes").remarks == [
        "train has 6 images, officially 2975",
        "val has 6 images, officially 500",
    ]


# Raw files


def voc_file(root, pattern):
    return sorted((root / "VOCdevkit" / "VOC2012").glob(pattern))[0]


def first_listed(root, masks):
    kind = "Segmentation" if masks == "seg" else "Main"
    return voc_file(root, f"ImageSets/{kind}/train.txt").read_text().split()[0]


@pytest.mark.parametrize(
    ("masks", "path", "damage"),
    [
        ("box", "VOCdevkit/VOC2012/JPEGImages/{}.jpg", half),
        ("box", "VOCdevkit/VOC2012/JPEGImages/{}.jpg", Path.unlink),
        ("box", "VOCdevkit/VOC2012/Annotations/{}.xml", half),
        ("box", "VOCdevkit/VOC2012/Annotations/{}.xml", Path.unlink),
        ("seg", "VOCdevkit/VOC2012/SegmentationObject/{}.png", half),
        ("seg", "VOCdevkit/VOC2012/SegmentationClass/{}.png", Path.unlink),
        ("sbd", "benchmark_RELEASE/dataset/inst/{}.mat", half),
        ("sbd", "benchmark_RELEASE/dataset/inst/{}.mat", Path.unlink),
    ],
)
def test_a_damaged_file_of_voc_is_named_once(root, masks, path, damage):
    broken = root / path.format(first_listed(root, masks))
    damage(broken)
    report = look(root, "voc2012", masks)
    assert str(broken) in only(report).where
    assert "unpack the archive again" in only(report).mend


def noise(path, width=20, height=10):
    pixels = np.random.RandomState(0).randint(0, 255, (height, width, 3), np.uint8)
    Image.fromarray(pixels).save(path)


def zero_rest(path):
    """A file whose second half never reached the disk."""
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2].ljust(len(content), b"\0"))


def flip_byte(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 255
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("name", "pattern", "damage"),
    [
        ("voc2012", "VOCdevkit/VOC2012/JPEGImages/*.jpg", zero_rest),
        ("cityscapes", "cityscapes/leftImg8bit/train/*/*.png", zero_rest),
        ("cityscapes", "cityscapes/leftImg8bit/train/*/*.png", flip_byte),
    ],
)
def test_pixels_are_read_to_the_last_one(root, name, pattern, damage):
    """The file has its size and its header."""
    listed = {first_listed(root, "box")} if name == "voc2012" else None
    picture = next(p for p in sorted(root.glob(pattern)) if not listed or p.stem in listed)
    with Image.open(picture) as image:
        width, height = image.size
    noise(picture, width, height)
    size = picture.stat().st_size
    assert look(root, name).faults == []
    damage(picture)
    assert picture.stat().st_size == size
    fault = only(look(root, name))
    assert fault.kind == "an image is damaged or cut short"
    assert str(picture) in fault.where


def test_every_damaged_file_is_in_one_report(root):
    listed = voc_file(root, "ImageSets/Main/train.txt").read_text().split()
    voc = root / "VOCdevkit" / "VOC2012"
    half(voc / "JPEGImages" / f"{listed[0]}.jpg")
    (voc / "JPEGImages" / f"{listed[1]}.jpg").unlink()
    (voc / "Annotations" / f"{listed[2]}.xml").write_bytes(b"")
    (voc / "ImageSets" / "Main" / "val.txt").write_bytes(b"")
    assert kinds(look(root, "voc2012")) == {
        "an image is damaged or cut short": 1,
        "an image is not there": 1,
        "a file cannot be used": 1,
        "the image list cannot be used": 1,
    }


def test_damaged_files_of_cityscapes(root):
    cityscapes = root / "cityscapes"
    picture = sorted(cityscapes.glob("leftImg8bit/train/*/*.png"))[0]
    half(picture)
    labels = sorted(cityscapes.glob("gtFine/val/*/*_instanceIds.png"))
    labels[0].unlink()
    report = look(root, "cityscapes")
    assert kinds(report) == {
        "the image list cannot be used": 1,
        "an image is damaged or cut short": 1,
    }
    assert any(str(picture) in fault.where for fault in report.faults)
    assert any(str(labels[0]) in fault.where for fault in report.faults)


# Annotation files


@pytest.fixture
def split(tmp_path):
    """Two images, 20 wide and 10 high, with an annotation each."""
    (tmp_path / "images").mkdir()
    for name in ("a.png", "b.jpg"):
        noise(tmp_path / "images" / name)
    return Split(annotations=tmp_path / "file.json", images=tmp_path / "images")


def box(number, image, x, y, width, height):
    right, bottom = x + width, y + height
    return {
        "id": number,
        "image_id": image,
        "category_id": 3,
        "bbox": [x, y, width, height],
        "area": width * height,
        "segmentation": [[x, y, right, y, right, bottom]],
        "iscrowd": 0,
    }


def document():
    return {
        "images": [
            {"id": 1, "file_name": "a.png", "width": 20, "height": 10},
            {"id": 2, "file_name": "b.jpg", "width": 20, "height": 10},
        ],
        "annotations": [box(1, 1, 2, 2, 5, 5), box(2, 2, 0, 0, 20, 10)],
        "categories": [{"id": 3, "name": "cat"}],
    }


def look_at(split, content):
    split.annotations.write_text(content if isinstance(content, str) else json.dumps(content))
    return check_split("mine", [split])


def with_picture(split, name, width=20, height=10):
    """The document, its first image being another file."""
    changed = document()
    changed["images"][0].update(file_name=name, width=width, height=height)
    (split.images / "a.png").unlink()
    return look_at(split, changed)


@pytest.mark.parametrize("name", ["t.tif", "t.webp", "t.png", "t.jpg"])
def test_turned_pictures_have_the_size_that_opencv_decodes(split, name):
    exif = Image.Exif()
    exif[0x0112] = 8
    Image.new("RGB", (20, 10)).save(split.images / name, exif=exif)
    # OpenCV 4.12 turns all of them but WebP.
    wrong, right = ((10, 20), (20, 10)) if name == "t.webp" else ((20, 10), (10, 20))
    (split.images / "a.png").touch()
    assert with_picture(split, name, *right).faults == []
    (split.images / "a.png").touch()
    fault = only(with_picture(split, name, *wrong))
    assert fault.kind == "an image's size is not its annotations'"
    assert "training turns JPEG, PNG and TIFF as EXIF says, other formats not" in fault.where


def test_a_depth_that_training_cannot_read_is_a_fault(split):
    Image.fromarray(np.full((10, 20), 0.5, np.float32)).save(split.images / "f.tif")
    fault = only(with_picture(split, "f.tif"))
    assert fault.kind == "training cannot read an image"
    assert "8 bits a value" in fault.mend


@pytest.mark.parametrize("name", ["h.hdr", "h.tif"])
def test_pixels_of_floats_are_refused(split, name):
    cv2.imwrite(str(split.images / name), np.full((10, 20, 3), 0.5, np.float32))
    assert len(with_picture(split, name).faults) == 1


@pytest.mark.parametrize("name", ["d.png", "d.tif"])
def test_deep_images_read_as_nearly_black_are_remarked(split, name):
    cv2.imwrite(str(split.images / name), np.full((10, 20), 1023, np.uint16))
    report = with_picture(split, name)
    assert report.faults == []
    (remark,) = report.remarks
    assert remark.startswith(f"{split.images}: of 1 images of more than 8 bits that were looked")
    assert f"e.g. {name}: its brightest pixel is 3 of 255" in remark  # 1023 // 256


def test_a_file_in_order(split):
    report = look_at(split, document())
    assert (report.faults, report.remarks) == ([], [])
    assert (report.images, report.annotations) == (2, 2)
    assert report.sha256 == {str(split.annotations): sha256_file(split.annotations)}


OUT = "a box reaches out of its image"
POLYGON_OUT = "a polygon reaches out of its image"


@pytest.mark.parametrize(
    ("geometry", "expected"),
    [
        ((-1, -1, 22, 12), {}),  # a pixel on each side may be rounding
        ((-1.5, 0, 5, 5), {OUT: 1, POLYGON_OUT: 1}),
        ((0, -1.5, 5, 5), {OUT: 1, POLYGON_OUT: 1}),
        ((0, 0, 21.5, 5), {OUT: 1, POLYGON_OUT: 1}),
        ((0, 0, 5, 11.5), {OUT: 1, POLYGON_OUT: 1}),
        ((3, 3, 0, 5), {}),  # as some of COCO's own
        ((3, 3, 5, -1), {"a box has no area": 1, "an area is negative": 1}),
    ],
)
def test_boxes_and_polygons_against_their_image(split, geometry, expected):
    content = document()
    content["annotations"][0] = box(1, 1, *geometry)
    assert kinds(look_at(split, content)) == expected


@pytest.mark.parametrize(
    ("mask", "expected"),
    [
        ({"size": [10, 20], "counts": [0, 200]}, None),
        ({"size": [20, 10], "counts": [0, 200]}, "a mask is not of its image's size"),
        ({"size": [10, 20], "counts": "@@@@zzz"}, "a mask's run lengths do not fill its image"),
        ({"size": [10, 20], "counts": [0, 199]}, "a mask's run lengths do not fill its image"),
        ([], "an annotation has no mask"),
        (None, "an annotation has no mask"),
        ([[1, 1, 2, 2]], "a mask is neither polygons of at least 3 points nor RLE"),
        ([[1, 1, 2, 2, 3]], "a mask is neither polygons of at least 3 points nor RLE"),
        ([[1, 1, 2, "2", 3, 3]], "a mask is neither polygons of at least 3 points nor RLE"),
        ("polygon", "a mask is neither polygons of at least 3 points nor RLE"),
        ([[1, 1, 5, 1, 5, 5], [1, 1, 25, 1, 5, 5]], POLYGON_OUT),
    ],
)
def test_masks(split, mask, expected):
    content = document()
    content["annotations"][0]["segmentation"] = mask
    assert kinds(look_at(split, content)) == ({expected: 1} if expected else {})


def test_everything_wrong_with_a_file_is_in_one_report(split):
    content = document()
    content["images"] += [
        {"id": 3, "file_name": "absent.png", "width": 20, "height": 10},
        {"id": 4, "file_name": "../file.json", "width": 20, "height": 10},
        {"id": 5, "file_name": "a.png", "width": -3, "height": 10},
    ]
    content["annotations"] += [
        box(2, 1, 1, 1, 4, 4),
        {**box(4, 1, 1, 1, 4, 4), "category_id": 9},
        box(5, 77, 1, 1, 4, 4),
        {**box(6, 1, 1, 1, 4, 4), "bbox": [1, 2, 3]},
        "no object",
    ]
    report = look_at(split, content)
    assert kinds(report) == {
        "unusable images": 1,
        "unusable annotations": 2,
        "several annotations have the same id": 1,
        "a file name leaves the images' folder": 1,
        "an annotation's category is not in the file": 1,
        "an annotation's image is not in the file": 1,
        "an image is not there": 1,
    }
    assert all(str(split.annotations.parent) in fault.where for fault in report.faults)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"images": [', '{"images": []}', "\ufeff{}"])
def test_what_is_no_annotation_file_is_named(split, content):
    fault = only(look_at(split, content))
    assert fault.kind == "an annotation file cannot be used"
    assert str(split.annotations) in fault.where


def test_an_absent_annotation_file_is_named(split):
    fault = only(check_split("mine", [split]))
    assert str(split.annotations) in fault.where


def with_more_behind(path):
    """Some cameras append what is theirs."""
    with path.open("ab") as file:
        file.write(b"SEFT" * 100)


def test_what_a_camera_appends_is_no_damage(split):
    with_more_behind(split.images / "b.jpg")
    assert look_at(split, document()).faults == []


def write_text(path):
    path.write_text("no image")


def of_another_size(path):
    Image.new("RGB", (10, 20)).save(path)


def as_folder(path):
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    ("damage", "kind"),
    [
        (half, "an image is damaged or cut short"),
        (write_text, "a file is no image"),
        (Path.unlink, "an image is not there"),
        (of_another_size, "an image's size is not its annotations'"),
        (as_folder, "a file cannot be read"),
    ],
)
@pytest.mark.parametrize("name", ["a.png", "b.jpg"])
def test_damaged_images(split, damage, kind, name):
    damage(split.images / name)
    fault = only(look_at(split, document()))
    assert fault.kind == kind
    assert str(split.images / name) in fault.where


def test_images_that_no_annotation_names_are_remarked(split):
    (split.images / "z.png").write_bytes(b"")
    report = look_at(split, document())
    assert report.faults == []
    assert report.remarks == [f"1 files in {split.images} that its annotations do not name: z.png"]


def test_copies_in_another_part_are_told(split, tmp_path):
    other = Split(annotations=tmp_path / "other.json", images=tmp_path / "others")
    other.images.mkdir()
    shutil.copy(split.images / "a.png", other.images / "b.jpg")
    noise(other.images / "a.png", 20, 10)
    content = document()
    for part in (split, other):
        part.annotations.write_text(json.dumps(content))
    with (other.images / "a.png").open("ab") as file:
        file.write(b"another one")
    report = check_split("mine", [split, other])
    (line,) = report.warnings
    assert line.startswith("1 of 2 images are those of another part, byte for byte: ")
    assert f"{other.images / 'b.jpg'} is {split.images / 'a.png'}" in line
    assert check_split("mine", [split]).warnings == []


def test_processes_find_what_one_finds_in_the_same_order(split):
    content = document()
    for number in range(3, 80):
        name = f"{number}.png"
        content["images"].append({"id": number, "file_name": name, "width": 20, "height": 10})
        Image.new("L", (20 + (number % 20 == 0), 10)).save(split.images / name)
    split.annotations.write_text(json.dumps(content))
    told = []
    reports = [
        check_split("mine", [split], workers=workers, progress=lambda *done: told.append(done))
        for workers in (1, 2)
    ]
    assert reports[0] == reports[1]
    assert len(reports[0].faults) == 3
    assert told == [(done, 79) for done in range(1, 80)] * 2
    (group,) = reports[0].groups()
    assert (group["count"], len(group["first"])) == (3, 3)


# COCO


def test_other_classes_than_cocos_are_a_fault(root):
    path = root / "coco" / "annotations" / "instances_val2017.json"
    content = json.loads(path.read_bytes())
    content["categories"].append({"id": 91, "name": "hair brush", "supercategory": "indoor"})
    path.write_text(json.dumps(content))
    fault = only(look(root, "coco2017"))
    assert fault.kind == "the classes are not its own"
    assert "has 81, coco2017 80" in fault.where


# Converted files


@pytest.mark.parametrize(("name", "masks"), NAMES)
def test_converted_files_are_looked_at_too(root, tmp_path, name, masks):
    cache = tmp_path / "cache"
    made = data(root, name, masks, cache=cache, allow_partial=True)
    ready = made.make()
    assert made.check().faults == []
    assert any("prepared, and whole" in remark for remark in made.check().remarks)
    with ready.eval.annotations.open("ab") as file:
        file.write(b" ")
    fault = only(made.check())
    assert fault.kind == "converted files are damaged, or of other raw files"
    assert "noisyseg data prepare" in fault.mend


def test_nothing_is_said_of_converted_files_where_there_are_none(root, tmp_path):
    report = data(root, "voc2012", cache=tmp_path, allow_partial=True).check()
    assert report.faults == []
    assert not any("prepared" in remark for remark in report.remarks)
