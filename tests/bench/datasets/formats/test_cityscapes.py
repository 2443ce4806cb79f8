import shutil

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco_mask

from noisyseg.bench.datasets.formats.cityscapes import CATEGORIES, city_tasks, convert_city
from noisyseg.errors import InputError

# cityscapesScripts' labels from 24 on: id, name, hasInstances, ignoreInEval.
LABELS = [
    (24, "person", True, False),
    (25, "rider", True, False),
    (26, "car", True, False),
    (27, "truck", True, False),
    (28, "bus", True, False),
    (29, "caravan", True, True),
    (30, "trailer", True, True),
    (31, "train", True, False),
    (32, "motorcycle", True, False),
    (33, "bicycle", True, False),
]
IDS = {name: number for number, name, *_ in LABELS}


def as_mmdet_converts(ids):
    """The rules of mmdet's converter of Cityscapes, for the ids of one image.

    Ids from 24; class = id // 1000, or the id itself for a group; only classes that have instances
    and count in evaluation; a group is a crowd; one annotation an id, ascending.
    """
    found = []
    for number in np.unique(ids[ids >= 24]):
        label = int(number // 1000 if number >= 1000 else number)
        _, _, has_instances, ignored = next(entry for entry in LABELS if entry[0] == label)
        if not has_instances or ignored:
            continue
        mask = np.asarray(ids == number, dtype=np.uint8, order="F")
        runs = coco_mask.encode(mask[:, :, None])[0]
        found.append(
            {
                "iscrowd": int(number < 1000),
                "category_id": label,
                "bbox": coco_mask.toBbox(runs).tolist(),
                "area": coco_mask.area(runs).tolist(),
                "segmentation": {"size": runs["size"], "counts": runs["counts"].decode()},
            }
        )
    return found


def labels(task):
    return task.labels / f"{task.stem}_gtFine_instanceIds.png"


def picture(task):
    return task.images / f"{task.stem}_leftImg8bit.png"


def test_the_categories_are_those_that_mmdet_takes():
    assert {entry["name"]: entry["id"] for entry in CATEGORIES} == {
        name: number for number, name, has, ignored in LABELS if has and not ignored
    }
    assert len(CATEGORIES) == 8


@pytest.mark.parametrize("split", ["train", "val"])
def test_what_was_drawn_comes_back(official, drawn, split):
    """Pixel for pixel, in the order of ids; groups and caravans are left out."""
    images = drawn["cityscapes"][split]
    tasks = city_tasks(official / "cityscapes", split)
    assert [f"{task.stem}_leftImg8bit.png" for task in tasks] == sorted(images)
    assert {task.stem.split("/")[0] for task in tasks} == {
        "train": {"aachen", "bochum"},
        "val": {"frankfurt"},
    }[split]
    for task in tasks:
        converted = convert_city(task)
        entries = images[converted.image["file_name"]]
        entries = sorted(entries, key=lambda entry: IDS[entry["class"]])
        assert [
            (entry["category_id"], entry["bbox"], entry["area"], entry["iscrowd"])
            for entry in converted.annotations
        ] == [(IDS[entry["class"]], entry["bbox"], entry["area"], 0) for entry in entries]
        for annotation, entry in zip(converted.annotations, entries, strict=True):
            mask = coco_mask.decode(annotation["segmentation"])
            assert np.array_equal(mask, coco_mask.decode(entry["mask"]))
        assert (converted.image["width"], converted.image["height"]) == (192, 72)


@pytest.mark.parametrize("split", ["train", "val"])
def test_instances_are_those_of_mmdets_converter(official, split):
    """But for its crowds, which are groups."""
    groups = 0
    for task in city_tasks(official / "cityscapes", split):
        expected = as_mmdet_converts(np.asarray(Image.open(labels(task))))
        groups += sum(entry["iscrowd"] for entry in expected)
        instances = [entry for entry in expected if not entry["iscrowd"]]
        assert convert_city(task).annotations == instances
    assert groups > 0


def test_every_kind_of_id_is_as_in_mmdets_converter(copied):
    """Instance 0 of each class, many of one, one-pixel ones, one in pieces, every bare class."""
    (task, *_) = city_tasks(copied / "cityscapes", "train")
    ids = np.zeros((72, 192), np.uint16)
    ids[0, :34] = range(34)
    for number in range(24, 34):
        ids[2 + number - 24, 5:9] = 1000 * number
        ids[20:23, 4 * (number - 24)] = 1000 * number + 999
    ids[30, ::2] = np.arange(96) + 26_000  # among them one that is above already
    ids[40, 3] = ids[60, 190] = 33_500
    Image.fromarray(ids).save(labels(task))
    expected = [entry for entry in as_mmdet_converts(ids) if not entry["iscrowd"]]
    assert convert_city(task).annotations == expected
    assert len(expected) == 8 * 2 + 96


def test_a_stray_image_without_instances_stays(official, drawn):
    empty = {name for name, entries in drawn["cityscapes"]["train"].items() if not entries}
    assert empty
    tasks = city_tasks(official / "cityscapes", "train")
    assert {
        f"{task.stem}_leftImg8bit.png" for task in tasks if not convert_city(task).annotations
    } == empty


# Bad input: each names the file


def refused(task, path):
    with pytest.raises(InputError) as caught:
        convert_city(task)
    assert str(path) in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("half", [labels, picture])
def test_halves_without_the_other_are_named(copied, half):
    root = copied / "cityscapes"
    tasks = city_tasks(root, "train")
    half(tasks[1]).unlink()
    with pytest.raises(InputError, match=r"^1 files .*Half-extracted") as caught:
        city_tasks(root, "train")
    assert str(half(tasks[1])) in str(caught.value)
    for task in (tasks[0], *tasks[2:5]):
        half(task).unlink()
    with pytest.raises(InputError, match=r"^5 files .*, …\. Half-extracted") as caught:
        city_tasks(root, "train")
    assert all(str(half(task)) in str(caught.value) for task in tasks[:3])
    assert str(half(tasks[3])) not in str(caught.value)


@pytest.mark.parametrize("kind", ["gtFine", "leftImg8bit"])
def test_an_absent_split_is_named(copied, kind):
    shutil.rmtree(copied / "cityscapes" / kind / "val")
    with pytest.raises(InputError, match=f"no folder .*{kind}/val: unpack"):
        city_tasks(copied / "cityscapes", "val")


def test_a_split_without_images_is_named(copied):
    for kind in ("gtFine", "leftImg8bit"):
        shutil.rmtree(copied / "cityscapes" / kind / "val" / "frankfurt")
    with pytest.raises(InputError, match=r"leftImg8bit/val holds no city with"):
        city_tasks(copied / "cityscapes", "val")


@pytest.mark.parametrize("half", [labels, picture])
def test_damaged_and_absent_files_are_named(copied, half):
    (task, *_) = city_tasks(copied / "cityscapes", "val")
    path = half(task)
    content = path.read_bytes()
    for damaged in (content[: len(content) // 2], content[:-20] + bytes(20), b"", b"Not found"):
        path.write_bytes(damaged)
        assert "unpack it again" in refused(task, path).lower()
    path.unlink()
    assert "is not there" in refused(task, path)


def test_labels_in_colours_or_of_another_size_are_named(copied):
    (task, *_) = city_tasks(copied / "cityscapes", "val")
    Image.new("RGB", (192, 72)).save(labels(task))
    assert "wanted a grey PNG of 16 bits, which instance ids need, got mode RGB" in refused(
        task, labels(task)
    )
    Image.fromarray(np.zeros((72, 96), np.uint16)).save(labels(task))
    said = refused(task, labels(task))
    assert f"has 96 × 72 pixels, {picture(task)} 192 × 72" in said
