"""What other tools write: refused before anything trains, or trained on with a word about it."""

import json
import os

import pytest

from noisyseg.bench.config.suite import load_suite
from noisyseg.bench.datasets import annotation_looks
from noisyseg.bench.runs.grid import expand
from noisyseg.bench.runs.inputs import SHARED
from noisyseg.files import sha256_file
from noisyseg.mask_overlap import run_lengths
from noisyseg.results.evaluation.evaluation import evaluate
from noisyseg.results.evaluation.predictions import Predictions
from noisyseg.results.records.store import RunStore

SIZE = {"size": [10, 20]}
RLE = {**SIZE, "counts": [21, *([8, 2] * 7), 8, 200 - 21 - 78]}  # of the toy's box, down columns


def fields_of_exporters(document):
    """What CVAT, Datumaro, LVIS, Label Studio and others write, and nobody evaluates."""
    document["info"] = None
    document["licenses"] = [{"name": "", "id": 0, "url": ""}]
    for image in document["images"]:
        image.update(license="1", flickr_url="", coco_url=None, date_captured=0)
        image.update(neg_category_ids=None, not_exhaustive_category_ids=None)
    for annotation in document["annotations"]:
        annotation.update(score="0.9", attributes={"occluded": False}, caption=None, keypoints=[])
    for category in document["categories"]:
        category.update(supercategory=1, skeleton=None, keypoints=None)


def test_fields_that_nobody_evaluates_break_nothing(toy, call):
    for document in toy.documents.values():
        fields_of_exporters(document)
    toy.write()
    assert call("suite", "validate", toy.file).status == 0
    path = toy.root / "eval.json"
    metrics = evaluate(path, perfect(toy.documents["eval"], path))
    assert metrics["segm"]["AP"] == pytest.approx(100)
    assert metrics["verified"]["largest_difference"] == 0


def perfect(document, path):
    """Detections that are the ground truth."""
    found = [
        {
            **{key: entry[key] for key in ("image_id", "category_id", "bbox")},
            "score": 0.9,
            "segmentation": {
                **SIZE,
                "counts": run_lengths(entry, 10, 20)["counts"].decode(),
            },
        }
        for entry in document["annotations"]
        if not entry["iscrowd"]
    ]
    images = tuple(image["id"] for image in document["images"])
    return Predictions(images, found, sha256_file(path))


@pytest.mark.parametrize("shift", [2**63, 2**53, -(2**40)])
def test_ids_that_numpy_makes_floats_of_are_evaluated_as_any(toy, shift):
    document = toy.documents["eval"]
    for image in document["images"]:
        image["id"] += shift
    for annotation in document["annotations"]:
        annotation["image_id"] += shift
    toy.write()
    metrics = evaluate(toy.root / "eval.json", perfect(document, toy.root / "eval.json"))
    assert metrics["segm"]["AP"] == pytest.approx(100)
    assert metrics["matched"]["found"] == metrics["matched"]["instances"] == 5


DAMAGE = {
    "a size in the wrong order": {"segmentation": {"size": [20, 10], "counts": RLE["counts"]}},
    "runs that are too long": {"segmentation": {**SIZE, "counts": [*RLE["counts"], 300, 300]}},
    "runs of floats": {"segmentation": {**SIZE, "counts": [float(n) for n in RLE["counts"]]}},
    "a polygon of two points": {"segmentation": [[1, 1, 9, 9]]},
    "a vertex at 1e9": {"segmentation": [[1, 1, 1e9, 1, 9, 9]]},
    "a negative area": {"area": -32.0},
    "a negative width": {"bbox": [9.0, 1.0, -8.0, 8.0]},
    "a negative id": {"id": -1},
    "an id beyond 64 bits": {"id": 2**63},
    "no mask": {"segmentation": []},
    "no area": {"area": None},
}


@pytest.mark.parametrize("split", ["train", "eval"])
@pytest.mark.parametrize("fields", DAMAGE.values(), ids=DAMAGE)
def test_what_would_break_a_run_is_refused_by_every_command(toy, call, split, fields):
    entry = toy.documents[split]["annotations"][2]
    entry.update(fields)
    toy.write()
    image = next(e for e in toy.documents[split]["images"] if e["id"] == entry["image_id"])
    named = f"annotation {entry['id']} of image {image['id']} ({image['file_name']})"
    ways = (["suite", "validate"], ["plan"], ["run", "--dry-run"], ["run"], ["run", "--rehearse"])
    for command in ways:
        done = call(command[0], *command[1:2], toy.file, *command[2:])
        assert done.status == 2, command
        assert f"{split}.json: cannot be trained or evaluated on" in done.err
        assert named in done.err
    path = toy.root / f"{split}.json"
    checked = call("data", "check", path, "--images", toy.root / split)
    assert checked.status == 1
    assert named in checked.out


@pytest.mark.parametrize("fields", [f for name, f in DAMAGE.items() if " id" not in name])
def test_evaluation_refuses_what_it_could_not_score(toy, fields):
    document = toy.documents["eval"]
    toy.write()
    path = toy.root / "eval.json"
    predictions = perfect(document, path)
    document["annotations"][2].update(fields)
    toy.write()
    with pytest.raises(ValueError, match=rf"annotation {document['annotations'][2]['id']}\b"):
        evaluate(path, predictions)


def test_an_image_listed_twice_is_refused(toy, call):
    images = toy.documents["eval"]["images"]
    images.append({**images[0], "id": 9999})
    toy.write()
    done = call("suite", "validate", toy.file)
    assert done.status == 2
    assert "an image is listed twice: image 9999 (0.png) is image 600 again" in done.err


def test_images_of_both_parts_are_told(toy, call):
    toy.write()
    for name in ("0.png", "1.png"):
        (toy.root / "eval" / name).unlink()
        os.symlink(toy.root / "train" / name, toy.root / "eval" / name)
    done = call("suite", "validate", toy.file)
    assert done.status == 0
    assert "2 of 3 evaluation images are trained on, too, the first of them image 600" in done.err


@pytest.mark.parametrize("command", [["suite", "validate"], ["run", "--dry-run"], ["plan"]])
def test_what_is_left_out_is_told_before_anything_trains(toy, call, command):
    for entry in toy.documents["train"]["annotations"][:3]:
        entry["iscrowd"] = 1
    toy.documents["train"]["annotations"][3]["ignore"] = 1
    toy.write()
    done = call(command[0], *command[1:2], toy.file, *command[2:])
    assert done.status == 0
    path = toy.root / "train.json"
    assert f"warning: {path}: 4 of 6 annotations are crowds and are left out" in done.err
    assert f"warning: {path}: 1 of 6 annotations are ignored (ignore: 1)" in done.err
    assert f"warning: {path}: 2 of 3 classes have no annotation that can be used" in done.err


def test_images_that_the_protocol_leaves_out_are_told(toy, call):
    toy.suite["protocol"] = {
        "extends": "smoke",
        "name": "least-side",
        "image": {"scale": [64, 64], "flip": 0.5, "min_size": 11},
    }
    toy.write()
    done = call("suite", "validate", toy.file)
    assert done.status == 2
    assert "3 of 3 annotated images have a side of less than 11 pixels" in done.err
    # A larger image that holds but a crowd is of no help.
    images, annotations = (toy.documents["train"][key] for key in ("images", "annotations"))
    images[2].update(width=30, height=30)
    for annotation in annotations:
        annotation["iscrowd"] = int(annotation["image_id"] == images[2]["id"])
    toy.write()
    done = call("suite", "validate", toy.file)
    assert done.status == 2
    assert "2 of 3 annotated images have a side of less than 11 pixels" in done.err


def test_classes_that_are_left_out_are_told(toy, call):
    toy.documents["eval"]["categories"].append({"id": 55, "name": "hen"})
    toy.documents["eval"]["annotations"][0]["category_id"] = 55
    toy.write()
    done = call("suite", "validate", toy.file)
    assert done.status == 0
    text = "1 of 6 annotations are of classes that are left out: 'hen' (1); 1 of 3 images hold them"
    assert f"eval.json: {text} and stay" in done.err
    toy.suite["data"].update(classes=["dog"], images="only-these-classes")
    toy.suite["noise"] = {"clean": None}
    toy.write()
    done = call("suite", "validate", toy.file)
    assert (
        "train.json: 3 of 6 annotations are of classes that are left out: 'cat' (2), 'fox' (1); "
        "2 of 3 images hold them and are left out" in done.err
    )


def test_a_link_to_an_image_of_the_same_part_is_refused(toy, call):
    toy.write()
    (toy.root / "train" / "1.png").unlink()
    os.symlink("0.png", toy.root / "train" / "1.png")
    done = call("suite", "validate", toy.file)
    assert done.status == 2
    assert "image 15 (1.png) is image 5 (0.png) again, by a link" in done.err


@pytest.mark.parametrize(
    ("kept", "rate"), [({"iscrowd": 1}, 1.0), ({"ignore": 1}, 0.8), ({"area": 0}, 0.8)]
)
def test_noise_that_leaves_nothing_to_train_on_is_refused(toy, call, kept, rate):
    """Only the first annotation is of use, and it goes at some seed."""
    toy.suite["noise"] = {"none": {"type": "missing", "rate": rate}}
    for annotation in toy.documents["train"]["annotations"][1:]:
        annotation.update(kept)
    toy.write()
    done = call("run", toy.file, "--seeds", ",".join(map(str, range(8))))
    assert done.status == 2
    assert "error: none, noise seed " in done.err
    assert "of which none can be used: lower its rate" in done.err


def test_noise_that_leaves_nothing_at_all_is_refused(toy, call):
    toy.suite["noise"] = {"none": {"type": "missing", "rate": 1.0}}
    toy.write()
    done = call("run", toy.file)
    assert done.status == 2
    assert (
        "none, noise seed 0: the noise leaves nothing to train on, 1 annotations of which none"
        in done.err
    )


def test_noise_into_a_class_without_annotations_is_told(toy, call, tmp_path, capsys):
    for document in toy.documents.values():
        document["categories"].insert(0, {"id": 0, "name": "animals", "supercategory": "none"})
    toy.suite["noise"] = {"sym90": {"type": "symmetric", "rate": 0.9}}
    toy.write()
    told = []
    suite = load_suite(str(toy.file), data_root=None, cache=tmp_path)
    expand(suite, RunStore(tmp_path / "runs"), tell=told.extend)
    assert any("sym90, noise seed 0: " in line and "'animals'" in line for line in told)
    assert any("1 of 4 classes have no annotation" in line for line in told)


def test_validate_foresees_what_the_noise_will_do(toy, call):
    for document in toy.documents.values():
        document["categories"].insert(0, {"id": 0, "name": "animals"})
    toy.suite["noise"] = {
        "sym90": {"type": "symmetric", "rate": 0.9},
        "idle": {"type": "asymmetric", "rate": 0.9, "map": {"animals": "fox"}},
    }
    toy.write()
    done = call("suite", "validate", toy.file)
    assert done.status == 0
    assert "warning: sym90, noise seed 0: " in done.err
    assert "idle, noise seed 0: step 1, asymmetric: it changed nothing: 0 flipped of 0" in done.err


def test_a_checked_file_is_not_checked_twice(toy, tmp_path, monkeypatch):
    toy.documents["train"]["annotations"][0]["iscrowd"] = 1
    toy.write()
    looked = []
    check = annotation_looks.shape_findings

    def counted(columns):
        looked.append(len(columns.annotations))
        return check(columns)

    monkeypatch.setattr(annotation_looks, "shape_findings", counted)

    def runs():
        told = []
        suite = load_suite(str(toy.file), data_root=None, cache=tmp_path)
        expand(suite, RunStore(tmp_path / "runs"), tell=told.extend)
        return told

    first = runs()
    assert looked == [6, 6]
    assert runs() == first
    assert looked == [6, 6]
    (note,) = (tmp_path / "runs" / SHARED).glob("*/checked.json")
    whole = note.read_bytes()
    for damage in (b"{}", b"[", whole.replace(b"20", b"21", 1), whole[:-1], b"\xff\n" + whole):
        note.write_bytes(damage)
        looked.clear()
        assert runs() == first
        assert looked == [6, 6]
    toy.documents["eval"]["annotations"][0]["area"] = 31.0
    toy.write()
    looked.clear()
    runs()
    assert looked == [6, 6]


def test_files_of_lvis_name_their_images_by_address(toy, call):
    for split, document in toy.documents.items():
        for image in document["images"]:
            name = image.pop("file_name")
            image["coco_url"] = f"http://images.cocodataset.org/{split}/{name}"
        for annotation in document["annotations"]:
            annotation.pop("iscrowd")
        toy.suite["data"][split]["images"] = "."
    toy.write()
    assert call("suite", "validate", toy.file).status == 0
    (run, *_) = toy.expand(toy.root / "runs")
    prepared = json.loads(run.eval_annotations.read_bytes())
    assert [image["file_name"] for image in prepared["images"]] == [
        f"eval/{n}.png" for n in range(3)
    ]
    out = toy.root / "noisy.json"
    clean = toy.root / "train.json"
    rest = ["--seed", "1", "--out", out]
    for kind, more in (
        ("symmetric", ["--rate", "0.5"]),
        ("missing", ["--rate", "0.5"]),
        ("scale", ["--set", "preset=mid"]),
        ("box-jitter", ["--rate", "0.5", "--set", "r=0.2"]),
    ):
        made = call("noise", "make", "--annotations", clean, "--type", kind, *more, *rest)
        assert made.status == 0, made
        assert call("noise", "verify", out, "--clean", clean).status == 0
