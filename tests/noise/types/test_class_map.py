from pathlib import Path

import pytest

from noisyseg.errors import InputError
from noisyseg.noise.types.class_map import SHIPPED_MAPS, load_map

# fmt: off
VOC = [
    "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car",
    "cat", "chair", "cow", "diningtable", "dog", "horse", "motorbike",
    "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
]
# fmt: on
CITYSCAPES = ["person", "rider", "car", "truck", "bus", "train", "motorcycle", "bicycle"]
SHAPES = ["disk", "ellipse", "square", "rectangle", "triangle", "trapezoid", "star", "cross"]
CLASSES = ["cat", "dog", "cow"]


def both_ways(*pairs):
    return {**dict(pairs), **{b: a for a, b in pairs}}


# Yang et al., ECCV 2020, section 5.1, with the arrows' directions from the authors' scripts.
SHIPPED = {
    "voc": (
        VOC,
        {"bird": "aeroplane", "diningtable": "chair", "bus": "car", "sheep": "horse"}
        | both_ways(("bicycle", "motorbike"), ("cat", "dog")),
    ),
    "cityscapes": (
        CITYSCAPES,
        both_ways(("person", "rider"), ("bus", "truck"), ("motorcycle", "bicycle")),
    ),
    "shapes": (
        SHAPES,
        both_ways(
            ("disk", "ellipse"),
            ("square", "rectangle"),
            ("triangle", "trapezoid"),
            ("star", "cross"),
        ),
    ),
}


@pytest.mark.parametrize("name", SHIPPED_MAPS)
def test_shipped_maps_are_the_papers(name):
    classes, pairs = SHIPPED[name]
    assert load_map(name, classes, "here", Path()) == pairs


def test_all_maps_are_shipped():
    assert set(SHIPPED_MAPS) == set(SHIPPED)


def test_inline_map():
    assert load_map({"cat": "dog"}, CLASSES, "here", Path()) == {"cat": "dog"}


def test_a_relative_path_starts_from_the_base(tmp_path):
    (tmp_path / "maps").mkdir()
    (tmp_path / "maps" / "mine.yaml").write_text("cat: dog\ndog: cow\n", encoding="utf-8")
    pairs = load_map("maps/mine.yaml", CLASSES, "here", tmp_path)
    assert pairs == {"cat": "dog", "dog": "cow"}
    absolute = str(tmp_path / "maps" / "mine.yaml")
    assert load_map(absolute, CLASSES, "here", Path("/nowhere")) == pairs


def test_a_shipped_name_wins_and_a_path_reaches_the_file(tmp_path):
    (tmp_path / "voc").write_text("cat: cow\n", encoding="utf-8")
    assert load_map("voc", VOC, "here", tmp_path)["cat"] == "dog"
    absolute = str(tmp_path / "voc")
    assert load_map(absolute, VOC, "here", tmp_path) == {"cat": "cow"}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("citiscapes", r"suite\.yaml, map: unknown class map 'citiscapes'.*mean 'cityscapes'"),
        ("cocoo", r"unknown class map 'cocoo'\. Did you mean 'coco'"),
        ("gone.yaml", r"suite\.yaml, map .*gone\.yaml: cannot read the class map: No such file"),
        (None, r"suite\.yaml, map: a class map must be.*got None"),
        ([["cat", "dog"]], r"must be a non-empty mapping.*got \[\['cat'"),
        ({}, r"non-empty mapping.*got \{\}"),
        (
            {"cat": "horse", "zebra": "dog"},
            r"suite\.yaml, map: .*names 'horse', 'zebra', which.*cat, dog, cow",
        ),
        ({"cat": "cat"}, r"suite\.yaml, map: .*'cat' into itself"),
        ({"cat": ["dog", "cow"]}, r"names of classes, got \['dog', 'cow'\]"),
        ({True: "dog"}, r"names of classes, got True: put it in quotes"),
    ],
)
def test_bad_maps_are_refused_with_their_place(value, message, tmp_path):
    with pytest.raises(InputError, match=message):
        load_map(value, CLASSES, "suite.yaml, map", tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"cat: dog\ncat: cow\n", r"mine\.yaml, line 2: the key 'cat' stands here twice"),
        (b"cat: [dog\n", "not valid YAML"),
        (b"? [cat, dog]\n: cow\n", "line 1: a key must be text"),
        (b"cat: 2020-13-45\n", "line 1: unusable value"),
        (b"- cat\n- dog\n", "non-empty mapping"),
        (b"", "non-empty mapping"),
        (b"cat: zebra\n", r"map .*mine\.yaml: the class map names 'zebra'"),
        (b"cat: dog \xff\n", "not UTF-8"),
    ],
)
def test_bad_map_files_are_refused(text, message, tmp_path):
    (tmp_path / "mine.yaml").write_bytes(text)
    with pytest.raises(InputError, match=message) as caught:
        load_map("mine.yaml", CLASSES, "suite.yaml, map", tmp_path)
    assert "\n" not in str(caught.value)


def test_a_shipped_map_must_fit_the_runs_classes():
    with pytest.raises(InputError, match=r"names 'sheep', 'horse', which this run does not"):
        load_map("voc", [name for name in VOC if name not in ("sheep", "horse")], "here", Path())
