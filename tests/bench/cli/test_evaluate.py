"""`evaluate`: anyone computes a run's numbers again from what lies in its folder."""

import json
import shutil

import pytest

from noisyseg.bench.config.suite import load_suite
from noisyseg.bench.runs.execution import execute
from noisyseg.bench.runs.grid import expand
from noisyseg.bench.runs.run import Resources
from noisyseg.results.evaluation.predictions import read_predictions, write_predictions
from noisyseg.results.records.record import seal
from noisyseg.results.records.store import RunStore

SUITE = """
name: tiny
data: {format: shapes, size: 64, train_images: 6, val_images: 4}
model: mask-rcnn-tiny
protocol: {extends: smoke, name: short, epochs: 1, schedule: {milestones: []}}
methods: [ce]
noise: {clean: null}
seeds: [0]
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A store with one run that is done, not to be changed."""
    folder = tmp_path_factory.mktemp("evaluate")
    (folder / "tiny.yaml").write_text(SUITE)
    suite = load_suite(str(folder / "tiny.yaml"), data_root=None, cache=folder / "cache")
    (run,) = expand(suite, RunStore(folder / "runs"))
    record = execute(run, RunStore(folder / "runs"), Resources(threads=1, device="cpu"))
    assert record["status"] == "done", record["failure"]
    return folder / "runs", run


@pytest.fixture
def store(trained, tmp_path):
    """A copy of it that may be changed: the store, and the run's folder."""
    root, run = trained
    shutil.copytree(root, tmp_path / "runs")
    return tmp_path / "runs", tmp_path / "runs" / run.folder.relative_to(root)


def record_in(folder):
    return json.loads((folder / "record.json").read_text())


def rewrite(folder, **changes):
    """Another record in the place of the run's, whole and sealed."""
    fields = {k: v for k, v in record_in(folder).items() if k not in ("format", "key", "checksum")}
    (folder / "record.json").write_text(json.dumps(seal({**fields, **changes})))


def test_a_record_says_which_program_and_the_largest_difference(trained):
    metrics = record_in(trained[1].folder)["metrics"]
    assert metrics["tool"].startswith("hotcoco ")
    assert metrics["verified"]["tool"].startswith("pycocotools ")
    assert metrics["verified"]["largest_difference"] <= 1e-7
    assert metrics["matched"]["instances"] > 0
    assert set(metrics["agnostic"]) == {"AP", "AP50", "AP75", "AR100"}


def test_a_runs_numbers_are_computed_again(call, store):
    _, folder = store
    recorded = record_in(folder)["metrics"]
    done = call("evaluate", folder, "--verify")
    assert (done.status, done.err) == (0, "the record's numbers: the same\n")
    assert f"{recorded['segm']['AP']:.2f}" in done.out
    assert "pycocotools" in done.out.splitlines()[-1]
    document = json.loads(call("evaluate", folder, "--json").out)
    assert document["segm"] == recorded["segm"]
    assert document["verified"] is None
    assert document["difference_from_record"] == 0
    assert {**document, "verified": None} == {
        **recorded,
        "verified": None,
        "difference_from_record": 0,
    }


def test_a_record_with_other_numbers_is_told_of(call, store):
    _, folder = store
    metrics = record_in(folder)["metrics"]
    metrics["segm"]["AP"] += 0.5
    rewrite(folder, metrics=metrics)
    done = call("evaluate", folder)
    assert done.status == 1
    assert done.err == "the record's numbers: OTHERS, by up to 0.5\n"
    metrics["segm"]["AP"] = None
    rewrite(folder, metrics=metrics)
    assert "OTHERS, by up to inf" in call("evaluate", folder).err


def test_a_file_of_predictions_needs_its_annotations(call, store, trained):
    _, folder = store
    file = folder / "predictions.json.zst"
    alone = call("evaluate", file)
    assert alone.status == 2
    assert "is not in its store; name it: --annotations" in alone.err
    done = call("evaluate", file, "--annotations", trained[1].eval_annotations)
    assert (done.status, done.err) == (0, "")
    assert "masks, any class" in done.out


def test_other_annotations_must_be_asked_for(call, store, trained, tmp_path):
    _, folder = store
    document = json.loads(trained[1].eval_annotations.read_bytes())
    document["annotations"] = document["annotations"][:-1]
    (tmp_path / "corrected.json").write_text(json.dumps(document))
    other = ("--annotations", tmp_path / "corrected.json")
    refused = call("evaluate", folder, *other)
    assert refused.status == 2
    assert "holds predictions for annotations " in refused.err
    assert "--other-annotations" in refused.err
    done = call("evaluate", folder, *other, "--other-annotations")
    assert (done.status, done.err) == (0, "")


def test_other_images_are_refused_whatever_is_asked_for(call, store, trained, tmp_path):
    _, folder = store
    document = json.loads(trained[1].eval_annotations.read_bytes())
    for image in document["images"]:
        image["id"] += 1000
    for annotation in document["annotations"]:
        annotation["image_id"] += 1000
    (tmp_path / "other.json").write_text(json.dumps(document))
    done = call("evaluate", folder, "--annotations", tmp_path / "other.json", "--other-annotations")
    assert done.status == 2
    assert "image id(s) that" in done.err


def test_predictions_that_were_changed_or_cut_short(call, store):
    _, folder = store
    file = folder / "predictions.json.zst"
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    done = call("evaluate", folder)
    assert done.status == 2
    assert "does not hold predictions" in done.err
    file.write_bytes(whole)
    found = read_predictions(file)
    write_predictions(
        file,
        found.detections[:-1],
        image_ids=found.image_ids,
        annotation_sha256=found.annotations_sha256,
    )
    done = call("evaluate", folder)
    assert done.status == 2
    assert "is not what" in done.err
    assert "it was changed" in done.err


def test_what_is_no_run_that_is_done(call, store, tmp_path):
    root, folder = store
    done = call("evaluate", root)
    assert done.status == 2
    assert f"{root} has no record.json" in done.err
    assert call("evaluate", tmp_path / "none.json.zst").status == 2
    reason = {"type": "MethodError", "message": "method 'x' gave nothing", "log": "run.log"}
    rewrite(folder, status="failed", metrics=None, failure=reason)
    done = call("evaluate", folder)
    assert done.status == 2
    assert "the run failed: method 'x' gave nothing" in done.err


def test_some_classes_alone(call, store):
    _, folder = store
    name = record_in(folder)["spec"]["data"]["classes"][0]
    document = json.loads(call("evaluate", folder, "--classes", name, "--json").out)
    assert list(document["per_class"]) == [name]
    assert document["difference_from_record"] is None
    done = call("evaluate", folder, "--classes", "sphinx")
    assert done.status == 2
    assert "unknown class 'sphinx'" in done.err
