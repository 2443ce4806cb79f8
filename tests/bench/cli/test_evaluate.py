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


def contents(root):
    """Everything in a folder: bytes and times of change."""
    return {
        path: (path.stat().st_mtime_ns, path.is_file() and path.read_bytes())
        for path in root.rglob("*")
    }


def test_a_runs_numbers_are_computed_again(call, store):
    root, folder = store
    before = contents(root)
    recorded = record_in(folder)["metrics"]
    done = call("evaluate", folder)
    assert (done.status, done.err) == (0, "the record's numbers: the same\n")
    assert f"{recorded['segm']['AP']:.2f}" in done.out
    document = json.loads(call("evaluate", folder, "--json").out)
    assert document["segm"] == recorded["segm"]
    assert document["verified"] is None
    assert (document["difference_from_record"], document["differences"]) == (0, [])
    numbers = {name: document[name] for name in recorded}
    assert {**numbers, "verified": None} == {**recorded, "verified": None}
    assert contents(root) == before


def test_a_whole_run_is_verified(call, store):
    root, folder = store
    before = contents(root)
    done = call("evaluate", folder, "--verify")
    assert (done.status, done.err) == (0, "verified: all that files can prove\n")
    assert f"{record_in(folder)['metrics']['segm']['AP']:.2f}" in done.out
    assert "pycocotools" in done.out
    assert (
        "claimed, not proven: started, finished, timings, usage, environment, lineage" in done.out
    )
    document = json.loads(call("evaluate", folder, "--verify", "--json").out)
    found = document["verification"]
    assert (found["differences"], found["unchecked"]) == ([], [])
    assert {"metrics", "key", "checksum", "checksums.predictions", "checksums.log"} <= set(
        found["proven"]
    )
    assert document["verified"]["tool"].startswith("pycocotools ")
    assert contents(root) == before


FORGED = {
    "agnostic": lambda metrics: metrics["agnostic"].update(AP=66.6),
    "matched": lambda metrics: metrics["matched"].update(accuracy=99.9),
    "per_class": lambda metrics: [
        values.update(segm=90.0) for values in metrics["per_class"].values()
    ],
}


def test_a_forged_record_is_found_out(call, store):
    """Sealed anew, as who forges would do, so that its checksum is right."""
    _, folder = store
    metrics = record_in(folder)["metrics"]
    true = json.loads(json.dumps(metrics))
    for forge in FORGED.values():
        forge(metrics)
    rewrite(folder, metrics=metrics)
    done = call("evaluate", folder, "--verify")
    assert done.status == 1
    classes = len(true["per_class"])
    assert done.err == f"NOT VERIFIED: {2 + classes} found to differ\n"
    assert (
        f"DIFFERS: metrics.agnostic.AP: record 66.6, recomputed {true['agnostic']['AP']:.10g}\n"
        in done.out
    )
    assert "DIFFERS: metrics.matched.accuracy: record 99.9, recomputed " in done.out
    for name in true["per_class"]:
        assert f"DIFFERS: metrics.per_class.{name}.segm: record 90, recomputed " in done.out
    found = json.loads(call("evaluate", folder, "--verify", "--json").out)
    assert len(found["verification"]["differences"]) == 2 + classes
    assert found["verification"]["verdict"].startswith("NOT VERIFIED")
    # The numbers shown are those of the predictions, never the record's.
    assert found["agnostic"] == true["agnostic"]
    done = call("evaluate", folder)
    assert done.status == 1
    assert "metrics.agnostic.AP: record 66.6" in done.err


def test_a_record_with_other_numbers_is_told_of(call, store):
    _, folder = store
    metrics = record_in(folder)["metrics"]
    average = metrics["segm"]["AP"]
    metrics["segm"]["AP"] += 0.5
    rewrite(folder, metrics=metrics)
    done = call("evaluate", folder)
    assert done.status == 1
    assert done.err == (
        "the record's numbers: OTHERS, by up to 0.5\n"
        f"  metrics.segm.AP: record {average + 0.5:.10g}, recomputed {average:.10g}\n"
    )
    metrics["segm"]["AP"] = None
    rewrite(folder, metrics=metrics)
    done = call("evaluate", folder, "--json")
    assert done.err.startswith("the record's numbers: OTHERS\n  metrics.segm.AP: record null, ")
    document = json.loads(done.out)
    assert document["difference_from_record"] is None
    (one,) = document["differences"]
    assert (one["path"], one["recorded"], one["found"]) == ("metrics.segm.AP", None, average)


def test_a_record_that_does_not_hold_is_an_error_or_a_finding(call, store):
    _, folder = store
    record = record_in(folder)
    record["checksum"] = "0" * 64
    (folder / "record.json").write_text(json.dumps(record))
    done = call("evaluate", folder)
    assert done.status == 2
    assert f"{folder / 'record.json'}: not a valid record: its checksum says" in done.err
    done = call("evaluate", folder, "--verify")
    assert done.status == 1
    assert "DIFFERS: checksum: record 000000000000…, recomputed " in done.out
    (folder / "record.json").write_text('{"format": 1')
    done = call("evaluate", folder, "--verify")
    assert done.status == 2
    assert "not JSON, or torn" in done.err


def test_what_is_not_there_is_not_verified(call, store):
    root, folder = store
    (folder / "log.jsonl").unlink()
    done = call("evaluate", folder, "--verify")
    assert (done.status, done.err) == (2, "NOT VERIFIED: 1 not checked\n")
    assert f"not checked: checksums.log: {folder / 'log.jsonl'}: No such file" in " ".join(
        done.out.split()
    )
    shutil.rmtree(root / ".annotations")
    done = call("evaluate", folder, "--verify", "--json")
    assert done.status == 2
    document = json.loads(done.out)
    assert "segm" not in document
    assert document["difference_from_record"] is None
    assert any(line.startswith("metrics: ") for line in document["verification"]["unchecked"])


def test_a_file_of_predictions_is_its_runs(call, store, monkeypatch, tmp_path):
    """Record, classes and annotations are found from the file's folder."""
    root, folder = store
    before = contents(root)
    same = (0, "the record's numbers: the same\n")
    done = call("evaluate", folder / "predictions.json.zst")
    assert (done.status, done.err) == same
    assert done.out == call("evaluate", folder).out
    monkeypatch.chdir(folder)
    done = call("evaluate", "predictions.json.zst")
    assert (done.status, done.err) == same
    assert call("evaluate", "predictions.json.zst", "--verify").status == 0
    assert call("evaluate", ".").status == 0
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link").symlink_to(folder)
    assert call("evaluate", "link/predictions.json.zst").status == 0
    assert contents(root) == before


def test_a_file_of_predictions_alone_needs_its_annotations(call, store, trained, tmp_path):
    _, folder = store
    file = tmp_path / "predictions.json.zst"
    shutil.copy(folder / file.name, file)
    alone = call("evaluate", file)
    assert alone.status == 2
    assert "is not in the store of its run; name it: --annotations" in alone.err
    done = call("evaluate", file, "--annotations", trained[1].eval_annotations)
    assert (done.status, done.err) == (0, "")
    assert "masks, any class" in done.out


def test_a_failed_runs_predictions_are_evaluated_if_named(call, store):
    _, folder = store
    reason = {"type": "MemoryError", "message": "too little", "log": "run.log"}
    rewrite(folder, status="failed", metrics=None, failure=reason)
    done = call("evaluate", folder / "predictions.json.zst")
    assert (done.status, done.err) == (0, "the run failed: too little\n")
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
