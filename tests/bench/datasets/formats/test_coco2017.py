import json
import shutil

import pytest

from noisyseg.bench.datasets.formats.coco2017 import check_coco_split, coco_splits
from noisyseg.errors import InputError


@pytest.fixture
def split(copied):
    return coco_splits(copied / "coco")["train"]


def edit(split, change):
    document = json.loads(split.annotations.read_bytes())
    change(document)
    split.annotations.write_text(json.dumps(document))


def refused(split, named):
    with pytest.raises(InputError) as caught:
        check_coco_split(split)
    assert str(named) in str(caught.value)
    return str(caught.value)


def test_the_official_names(tmp_path):
    splits = coco_splits(tmp_path)
    assert splits["train"].annotations == tmp_path / "annotations" / "instances_train2017.json"
    assert splits["train"].images == tmp_path / "train2017"
    assert splits["val"].annotations == tmp_path / "annotations" / "instances_val2017.json"
    assert splits["val"].images == tmp_path / "val2017"


@pytest.mark.parametrize("name", ["train", "val"])
def test_a_whole_split_is_counted(official, drawn, name):
    instances = drawn["coco2017"][name]
    assert check_coco_split(coco_splits(official / "coco")[name]) == {
        "images": len(instances),
        "annotations": sum(map(len, instances.values())) + 1,  # a crowd
    }


def test_absent_images_are_counted_and_the_first_named(split):
    pictures = sorted(split.images.iterdir())
    pictures[1].unlink()
    said = refused(split, split.images)
    assert f"1 of {len(pictures)} images" in said
    assert f"{split.annotations} names" in said
    assert f": {pictures[1].name}. Half-extracted?" in said
    for picture in (pictures[0], *pictures[2:5]):
        picture.unlink()
    names = ", ".join(picture.name for picture in pictures[:3])
    assert f"5 of {len(pictures)} images" in refused(split, split.images)
    assert f": {names}, …. Half-extracted?" in refused(split, split.images)


def test_an_absent_folder_of_images_is_named(split):
    shutil.rmtree(split.images)
    assert "cannot list" in refused(split, split.images)


def test_an_absent_or_cut_file_is_named(split):
    content = split.annotations.read_bytes()
    split.annotations.write_bytes(content[: len(content) // 2])
    refused(split, split.annotations)
    split.annotations.unlink()
    refused(split, split.annotations)


@pytest.mark.parametrize("number", [79, 81])
def test_another_number_of_categories_is_another_file(split, number):
    def change(document):
        extra = {"id": 91, "name": "hair brush", "supercategory": "indoor"}
        document["categories"] = [*document["categories"], extra][:number]
        known = {entry["id"] for entry in document["categories"]}
        document["annotations"] = [
            entry for entry in document["annotations"] if entry["category_id"] in known
        ]

    edit(split, change)
    assert f"has {number} categories, COCO 80" in refused(split, split.annotations)
