import json
import shlex

import pytest

from noisyseg.bench.doctor.suite_inputs import Place, input_files, one_suite, shipped_suites
from noisyseg.files import sha256_file


@pytest.fixture(autouse=True)
def caches(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("TORCH_HOME", raising=False)


@pytest.fixture
def place(tmp_path):
    return Place(None, tmp_path / "runs")


def levels(findings):
    return [(one.level, one.name.split()[0]) for one in findings]


def contents(folder):
    return {path: sha256_file(path) for path in folder.rglob("*") if path.is_file()}


def test_a_suite_whose_data_are_there_is_well_and_nothing_is_written(toy, place, tmp_path):
    before = contents(tmp_path)
    found = list(one_suite(str(toy.file), place))
    assert levels(found)[:2] == [("ok", "weights"), ("ok", "data")]
    assert "3 and 3 images, 3 classes" in found[1].text
    assert contents(tmp_path) == before


def test_an_absent_image_is_a_problem_that_is_named(toy, place):
    (toy.root / "train" / "1.png").unlink()
    weights, data = one_suite(str(toy.file), place)
    assert (weights.level, data.level) == ("ok", "problem")
    assert "1.png" in data.text
    assert shlex.split(data.mend) == ["noisyseg", "suite", "validate", str(toy.file)]


def test_a_damaged_annotation_file_is_a_problem(toy, place):
    (toy.root / "eval.json").write_text(json.dumps({"images": []}))
    assert levels(one_suite(str(toy.file), place))[1] == ("problem", "data")


def test_weights_of_a_file_that_is_not_there_are_a_problem(toy, place):
    toy.suite["model"] = {"extends": "mask-rcnn-mobilenetv2", "weights": "absent.pth"}
    toy.write()
    weights = next(iter(one_suite(str(toy.file), place)))
    assert weights.level == "problem"
    assert "absent.pth" in weights.text


def test_weights_that_a_run_downloads_are_warned_of_with_the_command(toy, place, tmp_path):
    toy.suite["model"] = "mask-rcnn-r50-fpn"
    toy.write()
    weights = next(iter(one_suite(str(toy.file), place)))
    assert weights.level == "warning"
    words = shlex.split(weights.mend)
    checkpoints = tmp_path / "cache/torch/hub/checkpoints"
    assert words[words.index("-o") + 1] == str(checkpoints / "resnet50-0676ba61.pth")
    assert words[-1] == "https://download.pytorch.org/models/resnet50-0676ba61.pth"


@pytest.mark.parametrize(
    ("name", "text", "mend"),
    [
        ("quik", "Did you mean 'quick'?", "noisyseg suite list"),
        ("not_there.yaml", "not_there.yaml", "noisyseg suite validate not_there.yaml"),
    ],
)
def test_a_suite_that_cannot_be_read_is_a_problem(place, name, text, mend):
    (found,) = one_suite(name, place)
    assert found.level == "problem"
    assert text in found.text
    assert found.mend == mend


def test_data_whose_place_must_be_named_are_asked_for(place):
    data = list(one_suite("paper-table1-voc", place))[1]
    assert data.level == "problem"
    assert data.mend == "noisyseg doctor paper-table1-voc --data-root FOLDER"


def test_of_the_shipped_suites_those_with_data_are_named(place, official):
    alone = {one.text.partition(":")[0]: one.text for one in shipped_suites(place)}
    assert "quick" in alone["data there, or made by run"]
    assert "paper-table1-voc" in alone["data not looked at (no --data-root was given)"]
    found = list(shipped_suites(place._replace(root=official)))
    there = next(one.text for one in found if one.text.startswith("data there"))
    assert "quick" in there
    assert all(one.level != "problem" for one in found)


def test_the_mask_source_that_is_meant_is_looked_for(place, official):
    there = place._replace(root=official)
    by_masks = {
        masks: list(one_suite("paper-table1-voc", there._replace(masks=masks)))[1]
        for masks in ("box", "no such")
    }
    assert "no such" in by_masks["no such"].text
    partial = there._replace(masks="box", allow_partial=True)
    assert "officially 5717" in by_masks["box"].text
    assert levels(one_suite("paper-table1-voc", partial))[1] == ("ok", "data")


def test_the_files_that_every_node_needs(toy, place, tmp_path):
    weights = toy.root / "w.pth"
    weights.write_bytes(b"w")
    toy.suite["model"] = {"extends": "mask-rcnn-mobilenetv2", "weights": "w.pth"}
    toy.write()
    assert input_files(str(toy.file), place) == [toy.root / "train", toy.root / "eval", weights]
    assert input_files("quik", place) == []
