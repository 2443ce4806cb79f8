"""What is read by an index against mmdet's own reading of the same file."""

import json
import pickle
import random
from contextlib import redirect_stdout
from io import StringIO

import pytest
from mmdet.datasets import CocoDataset
from mmengine.registry import DefaultScope

from noisyseg.annotation_files.annotation_index import index_path, write_index
from noisyseg.bench.training.indexed_dataset import IndexedDataset

NAMES = ["wolf", "fox", "hen", "crow"]
RLE = {"size": [40, 60], "counts": [5, 10, 2385]}


def drawn(seed):
    """A document with whatever a prepared file may hold, from a seed."""
    dice = random.Random(seed)
    numbers = dice.sample(range(10**12), 12)
    images = [
        {
            **{"id": number, "file_name": f"val/{number}é.jpg", "license": 3},
            **{"width": dice.randint(8, 90), "height": dice.randint(8, 90)},
        }
        for number in numbers
    ]
    categories = [{"id": n, "name": name} for n, name in zip([90, 3, 7, 18], NAMES, strict=True)]
    annotations = [
        _annotation(dice, number, dice.choice(numbers[:9]))
        for number in dice.sample(range(2**62), dice.randint(20, 40))
    ]
    dice.shuffle(categories)
    return {"images": images, "annotations": annotations, "categories": categories}


def _annotation(dice, number, image):
    box = [dice.choice([-20, 0, 3.5, 3, 70]) for _ in range(2)]
    box += [dice.choice([0.5, 1, 12.25, 13, 30]) for _ in range(2)]
    entry = {
        **{"id": number, "image_id": image, "category_id": dice.choice([90, 3, 7, 18])},
        **{"bbox": box, "area": dice.choice([0, -1, 12, 30.5, 9, 8])},
        "segmentation": dice.choice([[[1, 2, 9.5, 2, 9, 8]], RLE, [], None]),
    }
    for key in ("iscrowd", "ignore"):
        if dice.random() < 0.3:
            entry[key] = dice.choice([0, 1, True, False])
    if dice.random() < 0.1:
        del entry["segmentation"]
    return {key: entry[key] for key in dice.sample(list(entry), len(entry))}


def both(path, **settings):
    """Every image as mmdet reads it, and as it is read by the index; classes by category id too."""
    settings = {
        **{"ann_file": str(path), "data_prefix": {"img": "pictures"}, "pipeline": []},
        **{"filter_cfg": {"filter_empty_gt": True, "min_size": 20}, **settings},
    }
    found = []
    for kind in (CocoDataset, IndexedDataset):
        with DefaultScope.overwrite_default_scope("mmdet"), redirect_stdout(StringIO()):
            made = kind(**settings)
        infos = [made.get_data_info(number) for number in range(len(made))]
        found.append((made.cat_ids, made.cat2label, infos))
    assert made.indexed is not None
    return found


SETTINGS = [
    {},
    {"test_mode": True},
    {"filter_cfg": None},
    {"filter_cfg": {"min_size": 50}},
    {"indices": 3},
    {"indices": 99, "test_mode": True},
]


@pytest.mark.parametrize(
    ("first", "settings"), list(zip(range(0, 48, 8), SETTINGS, strict=True)), ids=str
)
def test_images_are_those_of_mmdets_own_reading(tmp_path, first, settings):
    """Other documents for each of the settings: mmdet takes a third of a second for one."""
    instances = 0
    for seed in range(first, first + 8):
        path = tmp_path / f"{seed}.json"
        path.write_text(json.dumps(drawn(seed), indent=seed % 3 or None))
        if seed % 2:
            write_index(path)
        classes = tuple(NAMES[seed % 4 :])
        theirs, ours = both(path, metainfo={"classes": classes}, **settings)
        assert ours == theirs
        instances += sum(len(info["instances"]) for info in ours[2])
    assert instances > 3


def test_images_without_annotations_are_read_for_coco_s_server(tmp_path):
    document = drawn(1)
    del document["annotations"]
    path = tmp_path / "image_info.json"
    path.write_text(json.dumps(document))
    theirs, ours = both(path, metainfo={"classes": tuple(NAMES)}, test_mode=True)
    assert ours == theirs
    assert len(ours[2]) == 12


def opened(path):
    with DefaultScope.overwrite_default_scope("mmdet"), redirect_stdout(StringIO()):
        return IndexedDataset(
            ann_file=str(path),
            data_prefix={"img": "pictures"},
            metainfo={"classes": tuple(NAMES)},
            pipeline=[],
        )


def infos(made):
    return [made.get_data_info(number) for number in range(len(made))]


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "train.json"
    path.write_text(json.dumps(drawn(5)))
    return path


def test_a_file_with_oddities_is_read_by_mmdet(path):
    expected = infos(opened(path))
    document = drawn(5)
    document["images"][0]["width"] = float(document["images"][0]["width"])  # no integer
    path.write_text(json.dumps(document))
    write_index(path)
    assert not index_path(path).exists()
    made = opened(path)
    assert made.indexed is None
    assert infos(made) == expected


def test_another_process_is_sent_a_path_and_reads_the_same(path):
    write_index(path)
    made = opened(path)
    sent = pickle.dumps(made.indexed)
    assert len(sent) < 1000
    assert pickle.loads(sent).entries(3) == made.indexed.entries(3)


def test_a_file_put_in_its_place_meanwhile_changes_nothing(path):
    made = opened(path)
    expected = infos(made)
    other = path.with_name("other.json")
    other.write_text(json.dumps(drawn(6)))
    other.replace(path)
    assert infos(made) == expected
    assert infos(opened(path)) != expected
