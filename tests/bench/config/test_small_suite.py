"""The suite `small` needs nothing else; its data keep their promises, its noise its families."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import orjson
import pytest
from PIL import Image, ImageOps
from scipy.spatial.distance import cdist

from noisyseg.bench.config.suite import load_suite
from noisyseg.bench.datasets.shipped_files import FOLDER
from noisyseg.bench.datasets.source import load_source

BOARDS = FOLDER / "boards"
PARTS = ("train", "eval")


@pytest.fixture(scope="module")
def documents():
    return {
        part: orjson.loads((BOARDS / f"annotations/{part}.json").read_bytes()) for part in PARTS
    }


@pytest.fixture(scope="module")
def suite(tmp_path_factory):
    return load_suite("small", data_root=None, cache=tmp_path_factory.mktemp("cache"))


def test_it_needs_no_place_of_data_or_weights(suite):
    ready = load_source(suite.data, root=suite.data_root)
    assert ready.train.images == BOARDS / "train"
    assert suite.model.weights == FOLDER / "mobilenetv2/mobilenetv2_imagenet.pth"


def test_methods_settings_and_seeds_are_those_that_the_docs_compare(suite):
    assert list(suite.methods) == [
        "ce",
        "lsr",
        "jol",
        "gce",
        "sce",
        "lncis",
        "nce-rce",
        "gjs",
        "forward",
    ]
    assert list(suite.noise) == ["clean", "sym40", "asym40"]
    assert [tuple(seed) for seed in suite.seeds] == [(seed, seed) for seed in range(5)]


def test_asymmetric_noise_stays_in_a_family_and_leaves_out_no_class_that_has_one(suite, documents):
    family = {entry["name"]: entry["supercategory"] for entry in documents["train"]["categories"]}
    pairs = dict(suite.noise["asym40"]["map"])
    sizes = Counter(family.values())
    assert pairs.keys() == {name for name in family if sizes[family[name]] > 1}
    assert all(family[source] == family[target] for source, target in pairs.items())
    assert all(source != target for source, target in pairs.items())


def test_lncis_s_second_stage_begins_at_half_time(suite):
    assert suite.methods["lncis"].parameters["e1"] == 0.5
    assert suite.protocol["epochs"] % 2 == 0


def test_there_are_enough_images_of_every_class(documents):
    assert len(documents["eval"]["images"]) >= 400
    for document in documents.values():
        counts = Counter(entry["category_id"] for entry in document["annotations"])
        assert counts.keys() == {entry["id"] for entry in document["categories"]}
        assert min(counts.values()) >= 19


def test_copies_that_the_source_knows_are_on_one_side(documents):
    sides = [{image["dup_group"] for image in documents[part]["images"]} for part in PARTS]
    assert sides[0].isdisjoint(sides[1])
    sides = [_originals(documents[part]) for part in PARTS]
    assert sides[0].isdisjoint(sides[1])


def _originals(document):
    """(class, name before the augmentation's mark) of each annotation."""
    name = {image["id"]: image["source"].split(".rf.")[0] for image in document["images"]}
    return {(entry["category_id"], name[entry["image_id"]]) for entry in document["annotations"]}


TURNS = [
    (quarter, view)
    for quarter in (0, 90, 180, 270)
    for view in (lambda picture: picture, ImageOps.mirror)
]


def test_no_image_of_one_side_is_like_one_of_the_other_however_turned(documents):
    """Pixels of 24 × 24, in their own way: by differences of standardised images, not products."""
    train, evaluated = (
        [grey(part, image) for image in documents[part]["images"]] for part in PARTS
    )
    assert closest(train, evaluated, side=24).max() < 0.93


def test_no_object_of_one_side_is_like_one_of_its_class_on_the_other(documents):
    """What its box holds: the same photograph with another margin."""
    kinds, cuts = {}, {}
    for part in PARTS:
        images = {image["id"]: grey(part, image) for image in documents[part]["images"]}
        entries = documents[part]["annotations"]
        kinds[part] = np.array([entry["category_id"] for entry in entries])
        cuts[part] = [images[entry["image_id"]].crop(corners(entry["bbox"])) for entry in entries]
    found = closest(cuts["train"], cuts["eval"], side=32)
    assert found[np.equal.outer(kinds["train"], kinds["eval"])].max() < 0.93


def grey(part, image):
    with Image.open(BOARDS / part / image["file_name"]) as picture:
        return ImageOps.grayscale(picture)


def corners(bbox):
    x, y, width, height = bbox
    return x, y, x + width, y + height


def closest(train, evaluated, *, side):
    """Correlation of each with each, of all turns the highest."""

    def rows(pictures):
        pixels = [
            np.asarray(one.resize((side, side), Image.Resampling.BOX), dtype=float).ravel()
            for one in pictures
        ]
        return np.array([(row - row.mean()) / row.std() for row in pixels])

    own = rows(train)
    return np.max(
        [
            1
            - cdist(own, rows([view(one.rotate(q)) for one in evaluated]), "sqeuclidean")
            / (2 * side**2)
            for q, view in TURNS
        ],
        axis=0,
    )


def test_every_image_is_there_in_its_size_and_no_other(documents):
    for part in PARTS:
        images = {image["file_name"]: image for image in documents[part]["images"]}
        assert {path.name for path in (BOARDS / part).iterdir()} == images.keys()
        for name, image in images.items():
            with Image.open(BOARDS / part / name) as picture:
                assert picture.size == (image["width"], image["height"])


def test_the_photographs_take_at_most_eight_megabytes():
    assert sum(path.stat().st_size for path in BOARDS.rglob("*") if path.is_file()) < 8e6


def test_the_script_makes_the_same_annotations_from_the_full_data(tmp_path):
    root = Path(__file__).parents[3]
    full = root / ".." / "shared" / "data" / "boards"
    if not full.is_dir():
        pytest.skip(f"the full data set is not at {full}")
    script = root / "tools" / "make_small_boards.py"
    subprocess.run(
        [sys.executable, str(script), str(full), str(tmp_path)], check=True, capture_output=True
    )
    for part in PARTS:
        name = f"annotations/{part}.json"
        assert (tmp_path / name).read_bytes() == (BOARDS / name).read_bytes()
        made = {path.name for path in (tmp_path / part).iterdir()}
        assert made == {path.name for path in (BOARDS / part).iterdir()}
