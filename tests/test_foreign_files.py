"""Small examples of what other tools write, each in its documented form."""

import bz2
import gzip
import io
import json
import lzma
import pickle
import shlex
import tarfile
import zipfile

import numpy as np
import pytest
import zstandard
from PIL import Image

from noisyseg.annotation_files.document import parse_annotations, read_annotations
from noisyseg.annotation_files.file_layout import category_names
from noisyseg.errors import InputError
from noisyseg.foreign_files import describe_foreign

COCO = {
    "images": [{"id": 1, "file_name": "a.jpg", "width": 8, "height": 8}],
    "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [0, 0, 4, 4], "area": 16}],
    "categories": [{"id": 1, "name": "cat"}],
}
TEXT = json.dumps(COCO)


def packed(kind):
    stream = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(stream, "w") as archive:
            archive.writestr("train.json", TEXT)
    else:
        with tarfile.open(fileobj=stream, mode="w") as archive:
            info = tarfile.TarInfo("train.json")
            info.size = len(TEXT)
            archive.addfile(info, io.BytesIO(TEXT.encode()))
    return stream.getvalue()


def image(kind):
    stream = io.BytesIO()
    Image.new("RGB", (2, 2)).save(stream, kind)
    return stream.getvalue()


def array():
    stream = io.BytesIO()
    np.save(stream, np.eye(2))
    return stream.getvalue()


VOC = """<annotation>
  <folder>VOC2012</folder><filename>2007_000027.jpg</filename>
  <size><width>486</width><height>500</height><depth>3</depth></size><segmented>0</segmented>
  <object><name>person</name><pose>Unspecified</pose><truncated>0</truncated>
    <bndbox><xmin>174</xmin><ymin>101</ymin><xmax>349</xmax><ymax>351</ymax></bndbox></object>
</annotation>"""
CVAT = """<?xml version="1.0" encoding="utf-8"?>
<annotations><version>1.1</version><meta><task><id>4</id></task></meta>
  <image id="0" name="a.jpg" width="9" height="9"><polygon label="cat" points="1,1;2,2"/></image>
</annotations>"""
BYTES = {
    "gzip": (gzip.compress(TEXT.encode()), "packed with gzip: unpack it", "gunzip train.json"),
    "zip": (packed("zip"), "packed with zip", "unzip train.json"),
    "tar": (packed("tar"), "a tar archive", "tar -xf train.json"),
    "zstd": (zstandard.compress(TEXT.encode()), "packed with Zstandard", "zstd -d"),
    "bzip2": (bz2.compress(TEXT.encode()), "packed with bzip2", "bunzip2"),
    "xz": (lzma.compress(TEXT.encode()), "packed with xz", "unxz"),
    "utf-16, mark": (TEXT.encode("utf-16"), "text in UTF-16", "iconv -f UTF-16"),
    "utf-16-le": (TEXT.encode("utf-16-le"), "text in UTF-16", "iconv"),
    "utf-16-be": (TEXT.encode("utf-16-be"), "text in UTF-16", "iconv"),
    "utf-32, mark": (TEXT.encode("utf-32"), "text in UTF-32", "iconv -f UTF-32"),
    "utf-32-be": (TEXT.encode("utf-32-be"), "text in UTF-32", "iconv"),
    "utf-8, mark": (TEXT.encode("utf-8-sig"), "byte order mark", "UTF-8 without one"),
    "png": (image("PNG"), "a PNG image", "name the JSON file"),
    "jpeg": (image("JPEG"), "a JPEG image", "name the JSON file"),
    "npy": (array(), "a NumPy array", "name the JSON file"),
    "pickle": (pickle.dumps(COCO), "a Python pickle", "json.dump"),
    "parquet": (b"PAR1\x15\x04\x15 PAR1", "a Parquet table", "name the JSON file"),
    "empty": (b"", "empty", "export it again"),
    "blank": (b" \n\0\0", "empty", "export it again"),
}
TEXTS = {
    "voc": (VOC, "Pascal VOC's form", "from_pascal_voc"),
    "voc with a mark": ("\ufeff" + VOC, "Pascal VOC's form", "from_pascal_voc"),
    "cvat": (CVAT, "CVAT's XML", "COCO 1.0"),
    "xml": ("<?xml version='1.0'?><kml/>", "XML", "export the annotations as COCO"),
    "html": ("\n<!DOCTYPE html>\n<html><title>Sign in</title></html>", "a web page", "login"),
    "yolo boxes": (
        "0 0.5 0.5 0.2 0.3\n15 0.1 0.25 0.05 0.5\n",
        "YOLO's text of boxes",
        "from_yolo",
    ),
    "yolo polygon": ("2 0.1 0.1 0.9 0.1 0.9 0.9\n", "text of polygons", "force_masks=True"),
    "yolo found": ("0 0.5 0.5 0.2 0.3 0.87\n", "YOLO's text of boxes", "from_yolo"),
    "csv": (
        "ImageID,LabelName,XMin,XMax\n00a1,/m/01g317,0.1,0.2\n00a2,/m/0bt9lr,0.3,0.9\n",
        "a table (CSV)",
        "export the annotations as COCO",
    ),
    "tsv": ("image\tclass\tx\na\tcat\t1\n", "tab-separated", "COCO is JSON"),
    "data.yaml": (
        "# Roboflow\ntrain: ../train/images\nval: ../valid/images\nnc: 1\nnames: ['cat']\n",
        "the data.yaml of a YOLO data set",
        "from_yolo",
    ),
    "yaml": ("name: mine\nseeds: [0]\n", "YAML", "name the JSON file"),
    "lfs": (
        "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n",
        "a pointer of Git LFS",
        "git lfs pull",
    ),
    "annex": ("/annex/objects/SHA256E-s1--ab.json\n", "git-annex", "git annex get"),
    "nan": ('{"images": [],\n "annotations": [{"area": NaN}]}', "NaN in line 2", "allow_nan=False"),
    "infinity": ('{"a": [1, -Infinity]}', "-Infinity in line 1", "allow_nan=False"),
    "json lines": (
        '{"image": "a.jpg", "objects": []}\n{"image": "b.jpg", "objects": []}\n',
        "JSON Lines",
        "images, annotations and categories",
    ),
    "python": (repr(COCO), "a Python value", "json.dump"),
    "comma": ('{"images": [], "annotations": [{"id": 1},]}', "a comma before", "take the comma"),
}
DOCUMENTS = {
    "panoptic": (
        {
            "images": COCO["images"],
            "annotations": [
                {
                    "image_id": 1,
                    "file_name": "a.png",
                    "segments_info": [{"id": 3226956, "category_id": 1, "iscrowd": 0, "area": 5}],
                }
            ],
            "categories": [{"id": 1, "name": "cat", "isthing": 1}],
        },
        "panoptic form",
        "panoptic2detection_coco_format.py",
    ),
    "results": (
        [{"image_id": 42, "category_id": 18, "bbox": [258.2, 41.3, 348.3, 243.8], "score": 0.236}],
        "a list of COCO results",
        "name the file of the annotations",
    ),
    "annotations alone": (COCO["annotations"], "the list `annotations` alone", "beside it"),
    "labelme": (
        {
            "version": "5.2.1",
            "flags": {},
            "shapes": [{"label": "cat", "points": [[1, 1], [2, 2]], "shape_type": "polygon"}],
            "imagePath": "a.jpg",
            "imageData": None,
            "imageHeight": 9,
            "imageWidth": 9,
        },
        "LabelMe's JSON",
        "labelme2coco.py",
    ),
    "via 2": (
        {"_via_settings": {}, "_via_img_metadata": {}, "_via_attributes": {}},
        "VGG Image Annotator",
        "Export Annotations (COCO format)",
    ),
    "via annotations": (
        {
            "a.jpg123": {
                "filename": "a.jpg",
                "size": 123,
                "regions": [{"shape_attributes": {"name": "rect"}, "region_attributes": {}}],
            }
        },
        "VGG Image Annotator",
        "COCO format",
    ),
    "label studio": (
        [{"id": 1, "data": {"image": "/data/a.jpg"}, "annotations": [{"result": []}]}],
        "Label Studio's JSON",
        "as COCO",
    ),
    "label studio, short": (
        [{"image": "/data/a.jpg", "id": 1, "annotator": 1, "annotation_id": 1, "lead_time": 3.5}],
        "Label Studio's short JSON",
        "as COCO",
    ),
    "supervisely": (
        {
            "description": "",
            "size": {"height": 9, "width": 9},
            "tags": [],
            "objects": [{"classTitle": "cat", "geometryType": "bitmap"}],
        },
        "Supervisely's JSON",
        "Export to COCO",
    ),
    "supervisely, meta": (
        {"classes": [{"title": "cat", "shape": "polygon", "color": "#F00"}], "tags": []},
        "meta.json of a Supervisely",
        "Export to COCO",
    ),
    "cityscapes": (
        {"imgHeight": 1024, "imgWidth": 2048, "objects": [{"label": "car", "polygon": [[0, 0]]}]},
        "Cityscapes' JSON",
        "noisyseg data prepare cityscapes",
    ),
    "create ml": (
        [{"image": "a.jpg", "annotations": [{"label": "cat", "coordinates": {"x": 1, "y": 2}}]}],
        "Create ML's JSON",
        "as COCO",
    ),
    "bdd100k": (
        [{"name": "a.jpg", "labels": [{"id": "0", "category": "car"}]}],
        "BDD100K",
        "scalabel.label.to_coco",
    ),
    "geojson": ({"type": "FeatureCollection", "features": []}, "GeoJSON", "as COCO"),
    "videos": (
        {"videos": [{"id": 1}], "annotations": [{"id": 1, "video_id": 1, "bboxes": []}]},
        "form for videos",
        "each frame",
    ),
    "captions": (
        {**COCO, "annotations": [{"id": 1, "image_id": 1, "caption": "a cat"}]},
        "COCO's captions",
        "instances_",
    ),
    "image info": (
        {"images": COCO["images"], "categories": COCO["categories"]},
        "without annotations",
        "image_info_",
    ),
    "manifest": ({"noisy_sha256": "a", "clean_sha256": "b"}, "manifest of noise", "noisy file"),
}
CASES = {
    **BYTES,
    **{name: (text.encode(), *said) for name, (text, *said) in TEXTS.items()},
    **{name: (json.dumps(data).encode(), *said) for name, (data, *said) in DOCUMENTS.items()},
}


@pytest.mark.parametrize("case", CASES)
def test_a_file_of_another_kind_is_named_with_what_to_do(case, tmp_path):
    data, kind, remedy = CASES[case]
    sentence = describe_foreign(data, "train.json")
    assert sentence.startswith("it is ")
    assert kind in sentence
    assert remedy in sentence
    path = tmp_path / "train.json"
    path.write_bytes(data)
    with pytest.raises(InputError) as refused:
        read_annotations(path)
    assert str(refused.value).startswith(f"{path}: no COCO annotation file; it is ")
    assert kind in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "data",
    [
        TEXT.encode(),
        json.dumps({**COCO, "annotations": []}).encode(),
        json.dumps({**COCO, "categories": COCO["categories"] * 2}).encode(),
        b'{"images": "a NaN, or Infinity", "annotations": x}',
        TEXT[: len(TEXT) // 2].encode(),
        b"{",
        b"[]",
        b"3",
        b"no such file",
        b"1 2 3 4 5 6 7 8",
    ],
)
def test_what_is_coco_s_own_or_unknown_is_left_to_the_reader(data):
    assert describe_foreign(data, "train.json") is None


def test_what_can_be_read_is_never_called_foreign():
    extra = {"shapes": [], "imagePath": "", "objects": [], "size": {}, "videos": [], "type": "x"}
    document = {**COCO, **extra}
    assert parse_annotations(json.dumps(document).encode(), "x") == document


def test_any_cut_of_any_example_has_an_answer():
    for data, *_ in CASES.values():
        for size in {0, 1, 2, 3, 5, len(data) // 3, len(data) - 1}:
            with pytest.raises(InputError):
                parse_annotations(data[:size] + b"\xff", "x")


def test_a_long_file_s_last_line_may_be_cut():
    rows = b"0 0.5 0.5 0.25 0.125\n" * 5000
    assert "YOLO" in describe_foreign(rows, "a.txt")
    assert category_names(rows) is None  # the way that noise goes


def test_names_with_spaces_are_quoted_in_commands():
    assert "gunzip 'my train.json.gz')" in describe_foreign(b"\x1f\x8b", "my train.json.gz")


def test_a_quote_in_a_name_is_quoted():
    assert shlex.quote("it's.gz") in describe_foreign(b"\x1f\x8b", "it's.gz")


@pytest.mark.parametrize("number", ["nan", "inf", "-1", "0.5"])
def test_rows_whose_class_is_no_number_are_not_yolo(number):
    rows = f"{number} 0.5 0.5 0.2 0.2\n".encode() * 3
    assert "YOLO" not in (describe_foreign(rows, "a.txt") or "")


@pytest.mark.parametrize("extra", [{"videos": []}, {"type": "FeatureCollection"}, {"objects": []}])
def test_a_fault_of_coco_s_own_file_is_told_whatever_it_looks_like(extra):
    document = {**COCO, **extra}
    entry = {**COCO["annotations"][0], "image_id": 99, "segments_info": []}
    faulty = json.dumps({**document, "annotations": [entry]}).encode()
    with pytest.raises(InputError, match="annotation 1, image_id 99"):
        parse_annotations(faulty, "x")
