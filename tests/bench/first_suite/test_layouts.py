"""Data as tools lay them out: which files and folders are found."""

import json

import pytest

from noisyseg.bench.first_suite.halves import ImageChoice, halves
from noisyseg.bench.first_suite.parts import Wanted, choose_parts
from noisyseg.errors import InputError


def found(folder, *, share=None, **named):
    """The files and the folders of their images, below the root."""
    parts = choose_parts(folder.root, Wanted(held_out=share is not None, **named))
    both = halves(parts, ImageChoice(share=share), folder.root / "suite.yaml")
    below = [(part.survey.path, part.images) for part in both]
    return [tuple(str(path.relative_to(folder.root)) for path in pair) for pair in below]


def official(folder):
    folder.part("annotations/instances_train2017.json", "train2017")
    folder.part("annotations/instances_val2017.json", "val2017")
    for part in ("train2017", "val2017"):
        folder.part(f"annotations/person_keypoints_{part}.json", part, keypoints=[1, 2, 2])
        folder.part(f"annotations/stuff_{part}.json", part)
        captions = {"images": [{"id": 1}], "annotations": [{"id": 1, "image_id": 1, "caption": ""}]}
        place = folder.root / "annotations" / f"captions_{part}.json"
        place.write_text(json.dumps(captions))
        panoptic = {
            "images": [{"id": 1}],
            "annotations": [{"image_id": 1, "segments_info": [], "category_id": 1}],
            "categories": [{"id": 1, "name": "cat"}],
        }
        (place.parent / f"panoptic_{part}.json").write_text(json.dumps(panoptic))
    return "annotations/instances_train2017.json", "train2017", "val2017"


def roboflow(folder):
    root = {"name": "animals", "supercategory": "none", "unused": True}
    classes = (root, *({"name": name, "supercategory": "animals"} for name in ("cat", "dog")))
    for part in ("train", "valid", "test"):
        folder.part(f"{part}/_annotations.coco.json", part, classes=classes)
    return "train/_annotations.coco.json", "train", "valid"


def roboflow_without_valid(folder):
    for part in ("train", "test"):
        folder.part(f"{part}/_annotations.coco.json", part)
    return "train/_annotations.coco.json", "train", "test"


def datumaro(folder):
    for part in ("train", "val"):
        folder.part(f"annotations/instances_{part}.json", f"images/{part}")
    return "annotations/instances_train.json", "images/train", "images/val"


def cvat(folder):
    for part in ("Train", "Validation"):
        folder.part(f"annotations/instances_{part}.json", f"images/{part}")
    return "annotations/instances_Train.json", "images/Train", "images/Validation"


def cvat_with_parts_in_names(folder):
    for part in ("Train", "Validation"):
        where = f"images/{part}"
        folder.part(f"annotations/instances_{part}.json", where, names=f"{part}/{{}}".format)
    return "annotations/instances_Train.json", "images", "images"


def supervisely(folder):
    for part in ("train", "val"):
        folder.part(f"{part}/annotations/instances.json", f"{part}/images")
    return "train/annotations/instances.json", "train/images", "val/images"


def fiftyone(folder):
    for part in ("train", "validation"):
        folder.part(f"{part}/labels.json", f"{part}/data")
    return "train/labels.json", "train/data", "validation/data"


def one_folder_of_images(folder):
    for part in ("train", "val"):
        folder.part(f"{part}.json", "images")
    return "train.json", "images", "images"


def below_another_folder(folder):
    for part in ("train", "val"):
        folder.part(f"unpacked/coco/annotations/instances_{part}.json", f"unpacked/coco/{part}")
    return (
        "unpacked/coco/annotations/instances_train.json",
        "unpacked/coco/train",
        "unpacked/coco/val",
    )


def sub_folders_in_names(folder):
    for part in ("train", "val"):
        folder.part(f"annotations/{part}.json", f"{part}/city/a", names="city/a/{}".format)
    return "annotations/train.json", "train", "val"


LAYOUTS = (
    *(official, roboflow, roboflow_without_valid, datumaro, cvat, cvat_with_parts_in_names),
    *(supervisely, fiftyone, one_folder_of_images, below_another_folder, sub_folders_in_names),
)


@pytest.mark.parametrize("make", LAYOUTS, ids=lambda make: make.__name__)
def test_a_layout_with_two_parts(make, folder):
    train, train_images, eval_images = make(folder)
    (file, images), (other, other_images) = found(folder)
    assert (file, images, other_images) == (train, train_images, eval_images)
    assert other != file


def test_images_of_the_same_names_are_those_of_the_files_own_part(folder):
    for part in ("train", "val"):
        folder.drawn = 0
        folder.part(f"annotations/instances_{part}.json", part)
    assert [images for _, images in found(folder)] == ["train", "val"]


def label_studio(folder):
    folder.part("result.json", "images", names="images/{}".format)
    return "."


def labelme2coco(folder):
    folder.part("annotations.json", "JPEGImages", names="JPEGImages/{}".format)
    return "."


def via(folder):
    folder.part("via_project_coco.json", ".")
    return "."


def cvat_default(folder):
    folder.part("annotations/instances_default.json", "images/default")
    return "images/default"


@pytest.mark.parametrize("make", [label_studio, labelme2coco, via, cvat_default])
def test_a_layout_with_one_file_has_images_held_out(make, folder):
    images = make(folder)
    both = found(folder, share=0.3)
    assert both == [("suite-train.json", images), ("suite-eval.json", images)]


def test_names_of_which_some_are_escaped_become_the_files_own(folder):
    folder.part("train.json", "images", names="images/{}".format)
    folder.part("val.json", "images")
    path = folder.root / "images" / "0002.png"
    path.rename(path.with_name("a b.png"))
    file = folder.root / "train.json"
    file.write_text(file.read_text().replace("0002.png", "a%20b.png"))
    assert found(folder) == [("suite-train.json", "images"), ("val.json", "images")]


@pytest.mark.parametrize(
    "names",
    [
        "C:\\Users\\me\\pictures\\{}".format,
        "/label-studio/data/upload/1/{}".format,
        "../../label-studio/data/media/upload/1/{}".format,
        "/data/local-files/?d=pictures/{}".format,
        "https://example.org/{}".format,
    ],
)
def test_names_of_another_machine_become_the_files_own(names, folder):
    folder.part("train.json", "images", names=names)
    folder.part("val.json", "images")
    assert found(folder) == [("suite-train.json", "images"), ("val.json", "images")]


def moved(folder, images, place):
    """The folder's images, each in a folder or under a name that `place` says of its name."""
    for path in sorted((folder.root / images).iterdir()):
        target = path.parent / place(path.name)
        target.parent.mkdir(exist_ok=True)
        path.rename(target)


def names_in(file):
    return [image["file_name"] for image in json.loads(file)["images"]]


def made(folder):
    """The names in the file that is made of the training file."""
    parts = choose_parts(folder.root, Wanted())
    return names_in(halves(parts, ImageChoice(), folder.root / "suite.yaml")[0].content)


def test_images_in_folders_that_no_name_says_are_found_below(folder):
    for part in ("train", "val"):
        folder.part(f"annotations/{part}.json", f"images/{part}")
    moved(folder, "images/train", lambda name: f"city {int(name[:4]) % 2}/{name}")
    assert found(folder)[0] == ("suite-train.json", "images/train")
    assert made(folder)[:2] == ["city 1/0001.png", "city 0/0002.png"]


def test_images_called_alike_in_several_folders_are_told_by_those(folder):
    folder.part("train.json", "train", names=lambda name: f"/home/me/{name[:4]}/rgb.png")
    folder.part("val.json", "val")
    moved(folder, "train", lambda name: f"{name[:4]}/rgb.png")
    assert found(folder)[0] == ("suite-train.json", "train")
    assert made(folder)[0] == "0001/rgb.png"


def test_an_image_that_may_be_several_is_refused(folder):
    folder.part("train.json", "images/a")
    folder.part("val.json", "val")
    moved(folder, "images/a", lambda name: name if name < "0004" else f"../b/{name}")
    (folder.root / "images" / "b" / "0001.png").write_bytes(b"")
    with pytest.raises(InputError, match=r"'0001.png' may be '.*a/0001.png' or '.*b/0001.png'"):
        found(folder, share=None)


def test_endings_in_other_letters_become_the_files_own(folder):
    folder.part("train.json", "images")
    folder.part("val.json", "val")
    moved(folder, "images", lambda name: name.replace("png", "PNG"))
    assert found(folder)[0] == ("suite-train.json", "images")
    assert made(folder)[0] == "0001.PNG"


def test_a_percent_sign_that_a_file_has_is_left(folder):
    folder.part("train.json", "images", names=lambda name: f"/home/me/100%25{name}")
    folder.part("val.json", "val")
    moved(folder, "images", lambda name: f"100%25{name}")
    assert made(folder)[0] == "100%250001.png"


def test_an_image_that_is_gone_is_not_taken_of_the_other_part(folder):
    folder.part("train.json", "train")
    folder.part("val.json", "val")
    (folder.root / "train" / "0003.png").rename(folder.root / "val" / "0003.png")
    assert found(folder)[0] == ("train.json", "train")
