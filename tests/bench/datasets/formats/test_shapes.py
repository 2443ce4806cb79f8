import hashlib
import json
import os
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco_mask

from noisyseg.annotation_files.document import check_document
from noisyseg.bench.datasets.formats import shapes
from noisyseg.bench.datasets.formats.shapes import ShapesSettings, annotation_file, generate_shapes
from noisyseg.bench.datasets.shape_geometry import CLASSES
from noisyseg.errors import InputError

SMALL = ShapesSettings(seed=0, size=64, train_images=12, val_images=6)

# The promise that every machine generates the same data, so that run keys are comparable: computed
# once. Whatever changes them must raise VERSION in shapes.py, and makes every older run stale.
GOLDEN_ANNOTATIONS = {
    "train": "aaca577fb5c015210e56e5e6ef8a6068065734b2450deb47179a1fa7390107ec",
    "val": "56a3bc6b321f0e9c9f20419e01c6866b2be3c90715a528136b7bfec714bd6fe8",
}
# Of the decoded pixels of all images in order: a PNG's own bytes depend on the zlib that wrote it.
GOLDEN_PIXELS = {
    "train": "db395891910ed03146e64a0c516e88c2b7d4892b31a08602714b37bddea2f846",
    "val": "369f56844647b49d28334d57a56003100fcd66995481a8f7deefea61bca844e3",
}


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return generate_shapes(tmp_path_factory.mktemp("cache"), SMALL)


@pytest.fixture(scope="module")
def larger(tmp_path_factory):
    """Enough images for statistics."""
    settings = ShapesSettings(seed=4, size=96, train_images=40, val_images=20)
    return generate_shapes(tmp_path_factory.mktemp("cache"), settings)


def _document(folder, split):
    return json.loads(annotation_file(folder, split).read_bytes())


def _pixels(folder, split):
    names = [image["file_name"] for image in _document(folder, split)["images"]]
    return [np.asarray(Image.open(folder / split / name)) for name in names]


@pytest.mark.parametrize("split", ["train", "val"])
def test_annotations_are_the_same_bytes_everywhere(small, split):
    data = annotation_file(small, split).read_bytes()
    assert hashlib.sha256(data).hexdigest() == GOLDEN_ANNOTATIONS[split]


@pytest.mark.parametrize("split", ["train", "val"])
def test_pixels_are_the_same_everywhere(small, split):
    digest = hashlib.sha256(b"".join(image.tobytes() for image in _pixels(small, split)))
    assert digest.hexdigest() == GOLDEN_PIXELS[split]


@pytest.mark.parametrize("split", ["train", "val"])
def test_it_is_a_coco_file_with_the_number_of_images_asked_for(larger, split):
    document = _document(larger, split)
    check_document(document, split)
    count = {"train": 40, "val": 20}[split]
    assert [image["id"] for image in document["images"]] == list(range(1, count + 1))
    assert [category["name"] for category in document["categories"]] == CLASSES
    assert 0 not in {entry["id"] for entry in document["annotations"]}
    assert sorted(path.name for path in (larger / split).iterdir()) == [
        image["file_name"] for image in document["images"]
    ]
    for image, pixels in zip(document["images"], _pixels(larger, split), strict=True):
        assert pixels.shape == (image["height"], image["width"], 3) == (96, 96, 3)


def _decode(rle):
    """The mask of compressed run lengths, read as the COCO API's documentation describes them."""
    runs, position, text = [], 0, rle["counts"]
    while position < len(text):
        value, shift, more = 0, 0, True
        while more:
            chunk = ord(text[position]) - 48
            value |= (chunk & 0x1F) << shift
            more = bool(chunk & 0x20)
            shift, position = shift + 5, position + 1
            if not more and chunk & 0x10:
                value -= 1 << shift
        runs.append(value + runs[-2] if len(runs) > 2 else value)
    height, width = rle["size"]
    flat = np.repeat(np.arange(len(runs)) % 2, runs)
    return flat.reshape(width, height).T.astype(bool)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools
@pytest.mark.parametrize("split", ["train", "val"])
def test_box_and_area_are_those_of_the_mask(larger, split):
    for entry in _document(larger, split)["annotations"]:
        mask = _decode(entry["segmentation"])
        assert (coco_mask.decode(entry["segmentation"]) == mask).all()
        assert mask.shape == (96, 96)
        assert entry["area"] == mask.sum() >= 40
        x, y, width, height = entry["bbox"]
        assert (x, y) >= (0, 0)
        assert x + width <= 96
        assert y + height <= 96
        cut = mask[y : y + height, x : x + width]
        assert cut.sum() == mask.sum()
        # No side of the box can move in.
        assert cut[0].any()
        assert cut[-1].any()
        assert cut[:, 0].any()
        assert cut[:, -1].any()
        assert entry["iscrowd"] == 0


@pytest.mark.parametrize("split", ["train", "val"])
def test_masks_of_an_image_do_not_overlap(larger, split):
    total = {}
    for entry in _document(larger, split)["annotations"]:
        mask = _decode(entry["segmentation"]).astype(int)
        total[entry["image_id"]] = total.get(entry["image_id"], 0) + mask
    assert len(total) == {"train": 40, "val": 20}[split]
    assert max(mask.max() for mask in total.values()) == 1


@pytest.mark.parametrize("split", ["train", "val"])
def test_classes_are_balanced(larger, split):
    counts = Counter(entry["category_id"] for entry in _document(larger, split)["annotations"])
    assert sorted(counts) == list(range(1, len(CLASSES) + 1))
    assert max(counts.values()) - min(counts.values()) <= 1


def test_an_instance_is_painted_in_its_class_s_colour(larger):
    """The drawn pixels are where the masks say: their colour is the class's, within its jitter."""
    from noisyseg.bench.datasets.shape_scene import COLOUR_JITTER, COLOURS

    document, images = _document(larger, "train"), _pixels(larger, "train")
    for entry in document["annotations"]:
        name = CLASSES[entry["category_id"] - 1]
        seen = images[entry["image_id"] - 1][_decode(entry["segmentation"])].mean(axis=0)
        # The stripes add 0 to 30, the grain nothing on average; clipping at 255 takes a little.
        low, high = np.array(COLOURS[name]) - COLOUR_JITTER, np.array(COLOURS[name]) + COLOUR_JITTER
        assert (seen > low - 5).all()
        assert (seen < high + 35).all()


def test_train_and_val_share_no_image(larger):
    train = {image.tobytes() for image in _pixels(larger, "train")}
    assert len(train) == 40
    assert not train & {image.tobytes() for image in _pixels(larger, "val")}


def test_more_images_leave_the_first_ones_as_they_are(small, tmp_path):
    more = generate_shapes(tmp_path, ShapesSettings(seed=0, size=64, train_images=14, val_images=6))
    old, new = _document(small, "train")["annotations"], _document(more, "train")["annotations"]
    assert new[: len(old)] == old
    assert annotation_file(more, "val").read_bytes() == annotation_file(small, "val").read_bytes()


@pytest.mark.parametrize("change", [{"seed": 1}, {"size": 72}])
def test_another_seed_or_size_is_other_data_in_another_folder(small, tmp_path, change):
    settings = ShapesSettings(
        **{"seed": 0, "size": 64, "train_images": 12, "val_images": 6} | change
    )
    other = generate_shapes(tmp_path, settings)
    assert other.name != small.name
    for split in ("train", "val"):
        changed = annotation_file(other, split).read_bytes()
        assert changed != annotation_file(small, split).read_bytes()


def _files(folder):
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


TINY = ShapesSettings(size=48, train_images=3, val_images=2)


def test_what_is_there_whole_is_not_written_again(tmp_path, monkeypatch):
    folder = generate_shapes(tmp_path, TINY)
    monkeypatch.setattr(shapes, "draw_scene", None)
    assert generate_shapes(tmp_path, TINY) == folder
    assert [path.name for path in tmp_path.iterdir()] == [folder.name]
    assert folder.stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize(
    "victim",
    ["annotations/instances_train.json", "val/000002.png", "train/000001.png", "complete.json"],
)
@pytest.mark.parametrize("damage", ["remove", "cut", "change", "empty list"])
def test_damage_is_mended(tmp_path, victim, damage):
    folder = generate_shapes(tmp_path, TINY)
    files = _files(folder)
    path = folder / victim
    data = path.read_bytes()
    if damage == "remove":
        path.unlink()
    else:
        changed = {"cut": data[:-7], "change": data[:-3] + b"###", "empty list": b"[]"}
        path.write_bytes(changed[damage])
    assert generate_shapes(tmp_path, TINY) == folder
    assert _files(folder) == files
    assert [path.name for path in tmp_path.iterdir()] == [folder.name]


def test_two_processes_may_generate_at_once(tmp_path):
    code = (
        "import sys, pathlib; from noisyseg.bench.datasets.formats.shapes import *; "
        "print('ready', flush=True); sys.stdin.readline(); "
        "settings = ShapesSettings(size=48, train_images=20, val_images=2); "
        "print(generate_shapes(pathlib.Path(sys.argv[1]), settings))"
    )
    command = [sys.executable, "-W", "error", "-c", code, str(tmp_path / "cache")]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    workers = [subprocess.Popen(command, text=True, **pipes) for _ in range(2)]
    assert [worker.stdout.readline() for worker in workers] == ["ready\n"] * 2
    for worker in workers:
        worker.stdin.write("go\n")
        worker.stdin.flush()
    found = [worker.communicate(timeout=60) for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0], found
    folder = tmp_path / "cache" / "shapes-v1-seed0-48px-20-2"
    assert [out.strip() for out, _ in found] == [str(folder)] * 2
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [folder.name]


def test_a_folder_that_another_process_finished_meanwhile_is_taken(tmp_path, monkeypatch):
    """The slower of two: the folder appears between its look and its rename."""
    settings = TINY
    real = shapes._write_split

    def slow(root, split, chosen):
        real(root, split, chosen)
        if split == "val" and not (tmp_path / chosen.folder_name).exists():
            monkeypatch.setattr(shapes, "_write_split", real)
            generate_shapes(tmp_path, chosen)

    monkeypatch.setattr(shapes, "_write_split", slow)
    folder = generate_shapes(tmp_path, settings)
    assert [path.name for path in tmp_path.iterdir()] == [folder.name]
    assert len(list((folder / "train").iterdir())) == 3


def test_a_failure_half_way_leaves_nothing_behind(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(shapes, "draw_scene", full)
    with pytest.raises(InputError, match=r"cannot write the shapes data set to .*: No space left"):
        generate_shapes(tmp_path, TINY)
    assert list(tmp_path.iterdir()) == []


def test_a_cache_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(
        InputError, match=r"cannot write the shapes data set to .*file.*--data-root"
    ):
        generate_shapes(tmp_path / "file" / "cache", TINY)


@pytest.mark.parametrize(
    "bad",
    [
        *({"seed": value} for value in (-1, 2**31, 1.0, "0", None, True)),
        *({"size": value} for value in (47, 513, 64.0, "64", None, True)),
        *({name: value} for name in ("train_images", "val_images") for value in (0, -3, 1.5, "1")),
    ],
)
def test_bad_settings_are_refused(bad):
    (name,) = bad
    with pytest.raises(InputError, match=rf"^shapes: {name} must be "):
        ShapesSettings(**bad)


def test_every_setting_is_in_the_folder_s_name():
    names = {
        ShapesSettings(**change).folder_name
        for change in ({}, {"seed": 1}, {"size": 97}, {"train_images": 201}, {"val_images": 101})
    }
    assert len(names) == 5
