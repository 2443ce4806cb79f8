"""Whatever is changed in a record or in a file that it names, the change is named."""

import copy
import json
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from noisyseg.bench.runs.run_verification import verify_run
from noisyseg.files import sha256_bytes, sha256_file
from noisyseg.results.evaluation.evaluation import evaluate
from noisyseg.results.evaluation.predictions import read_predictions, write_predictions
from noisyseg.results.records.record import parse_record, seal

HELD = Path(__file__).parents[2] / "held" / "store"
NOISY, CLEAN = "2dc59a12c357a8da", "1726e3c47f19a026"
FILES = {
    "checksums.predictions": "predictions.json.zst",
    "checksums.manifest": "manifest.json",
    "checksums.log": "log.jsonl",
    "checksums.noisy_annotations": "../../../.annotations/c1c5f4c76cfbcfaf/annotations.json",
    "annotations_sha256 of the predictions": "../../../.annotations/1e5b5c672700f16b/eval.json",
    "clean_sha256 of the manifest": "../../../.annotations/1e5b5c672700f16b/train.json",
    "spec.method": "spec.json",
}


@pytest.fixture(scope="module")
def held(tmp_path_factory):
    """A copy of two runs that were done; what a test changes it changes back."""
    root = shutil.copytree(HELD, tmp_path_factory.mktemp("held") / "store")
    return {key: root / "shapes" / "lncis" / key for key in (NOISY, CLEAN)}


@pytest.fixture
def store(tmp_path):
    return shutil.copytree(HELD, tmp_path / "store")


def record_of(folder):
    return parse_record((folder / "record.json").read_bytes())


def sealed(record, **changes):
    fields = {k: v for k, v in record.items() if k not in ("format", "key", "checksum")}
    return seal({**fields, **changes})


def differing(folder, record):
    return [one.path for one in verify_run(folder, record)[1].differences]


@pytest.mark.parametrize("key", [NOISY, CLEAN])
def test_a_run_as_it_was_left_is_proven(held, key):
    metrics, findings = verify_run(held[key], record_of(held[key]))
    assert (findings.differences, findings.unchecked) == ([], [])
    assert metrics["segm"] == record_of(held[key])["metrics"]["segm"]
    named = {f"checksums.{name}" for name in record_of(held[key])["checksums"]}
    assert {*named, "metrics", "key", "checksum", "images predicted"} <= set(findings.proven)
    assert any("only training it again" in line for line in findings.claimed)


def number_paths(value, path=()):
    if isinstance(value, dict):
        return [p for key in value for p in number_paths(value[key], (*path, key))]
    if isinstance(value, list):
        return [p for i, entry in enumerate(value) for p in number_paths(entry, (*path, i))]
    return [path] if isinstance(value, int | float) else []


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_any_number_that_is_changed_is_named(held, data):
    folder = held[NOISY]
    record = record_of(folder)
    paths = number_paths(record["metrics"])
    assert len(paths) > 90
    path = data.draw(st.sampled_from(paths))
    metrics = copy.deepcopy(record["metrics"])
    place = metrics
    for step in path[:-1]:
        place = place[step]
    by = data.draw(st.sampled_from([1, -1, 0.001, 66.6, 1e9]))
    place[path[-1]] = data.draw(st.sampled_from([place[path[-1]] + by, None]))
    (named,) = differing(folder, sealed(record, metrics=metrics))
    assert named.startswith("metrics.")
    assert [str(step) in named for step in path] == [True] * len(path)


@settings(max_examples=15, deadline=None)
@given(
    name=st.sampled_from(["predictions", "manifest", "log", "noisy_annotations"]),
    key=st.sampled_from([NOISY, CLEAN]),
    digest=st.sampled_from(["0" * 64, "5f" * 32, None]),
)
def test_any_checksum_that_is_changed_is_named(held, name, key, digest):
    record = record_of(held[key])
    if record["checksums"][name] == digest:
        return
    checksums = {**record["checksums"], name: digest}
    assert f"checksums.{name}" in differing(held[key], sealed(record, checksums=checksums))


@settings(max_examples=25, deadline=None)
@given(named=st.sampled_from(sorted(FILES)), share=st.floats(0, 0.999), bits=st.integers(1, 255))
def test_any_byte_that_is_changed_is_named(held, named, share, bits):
    file = held[NOISY] / FILES[named]
    whole = file.read_bytes()
    place = int(share * len(whole))
    file.write_bytes(whole[:place] + bytes([whole[place] ^ bits]) + whole[place + 1 :])
    try:
        _, findings = verify_run(held[NOISY], record_of(held[NOISY]))
    finally:
        file.write_bytes(whole)
    if file.name == "spec.json":  # of which the record has no checksum, but the content
        assert findings.unchecked or findings.differences
        assert all("spec" in str(one) for one in findings.differences)
    else:
        assert named in [one.path for one in findings.differences]
        assert any(file.name in str(one) for one in findings.differences)


def test_the_key_and_the_checksum(held):
    record = record_of(held[NOISY])
    assert "key" in differing(held[NOISY], {**record, "key": "0" * 16})
    assert differing(held[NOISY], {**record, "checksum": "0" * 64}) == ["checksum"]
    # Sealed anew, a changed spec has a key of its own, which is not the folder's.
    other = sealed(record, spec={**record["spec"], "train_seed": 7})
    assert differing(held[NOISY], other) == ["key", "spec.train_seed"]
    renamed = sealed(record, spec={**record["spec"], "noise": None})
    assert {"checksums.manifest", "checksums.noisy_annotations"} <= set(
        differing(held[NOISY], renamed)
    )


@pytest.mark.parametrize("classes", [None, 5, [{}], ["disk", "disk"], "disk", ["sphinx"]])
def test_classes_that_no_file_has_are_told_of(held, classes):
    record = record_of(held[NOISY])
    other = sealed(record, spec={**record["spec"], "data": {**record["spec"]["data"]}})
    other["spec"]["data"]["classes"] = classes
    metrics, findings = verify_run(held[NOISY], other)
    assert metrics is None
    assert any(line.startswith("metrics: ") for line in findings.unchecked)
    assert "spec.data" in [one.path for one in findings.differences]


def test_a_manifest_of_other_noise_is_named(store):
    """With a checksum that fits: its spec is not the run's."""
    folder = store / "shapes" / "lncis" / NOISY
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["spec"]["seed"] += 1
    (folder / "manifest.json").write_text(json.dumps(manifest))
    record = record_of(folder)
    checksums = {**record["checksums"], "manifest": sha256_file(folder / "manifest.json")}
    assert differing(folder, sealed(record, checksums=checksums)) == ["spec.noise"]


def test_predictions_for_the_easy_images_alone_are_named(store):
    """Every number is then what the predictions give."""
    folder = store / "shapes" / "lncis" / CLEAN
    file = folder / "predictions.json.zst"
    found = read_predictions(file)
    easy = found.image_ids[:2]
    write_predictions(
        file,
        [one for one in found.detections if one["image_id"] in easy],
        image_ids=easy,
        annotation_sha256=found.annotations_sha256,
    )
    record = record_of(folder)
    classes = record["spec"]["data"]["classes"]
    eval_file = store / ".annotations" / "1e5b5c672700f16b" / "eval.json"
    forged = sealed(
        record,
        metrics=evaluate(eval_file, read_predictions(file), classes=classes),
        checksums={**record["checksums"], "predictions": sha256_file(file)},
    )
    (one,) = verify_run(folder, forged)[1].differences
    assert (one.path, one.recorded, one.found) == ("images predicted", 2, len(found.image_ids))


@pytest.mark.parametrize("named", ["checksums.predictions", "checksums.manifest", "checksums.log"])
def test_a_file_that_is_not_there_is_not_checked(store, named):
    folder = store / "shapes" / "lncis" / NOISY
    (folder / FILES[named]).unlink()
    metrics, findings = verify_run(folder, record_of(folder))
    assert findings.differences == []
    assert any(line.startswith(f"{named}: ") for line in findings.unchecked)
    assert (metrics is None) == (named == "checksums.predictions")


def test_outside_of_a_store_nothing_shared_is_checked(tmp_path):
    folder = shutil.copytree(HELD / "shapes" / "lncis" / NOISY, tmp_path / "copy")
    metrics, findings = verify_run(folder, record_of(folder))
    assert (metrics, findings.differences) == (None, [])
    unchecked = "\n".join(findings.unchecked)
    assert "checksums.noisy_annotations: the file is not in the run's store" in unchecked
    assert "metrics: " in unchecked
    metrics, findings = verify_run(
        folder, record_of(folder), HELD / ".annotations" / "1e5b5c672700f16b" / "eval.json"
    )
    assert metrics is not None
    assert "metrics" in findings.proven


@pytest.fixture
def converted(toy, tmp_path):
    """A clean run whose annotation files are not the originals, byte for byte."""
    (run, *_) = toy.expand(tmp_path / "runs")
    run.folder.mkdir(parents=True)
    images = [image["id"] for image in toy.documents["eval"]["images"]]
    checksums = {
        "predictions": write_predictions(
            run.folder / "predictions.json.zst",
            [],
            image_ids=images,
            annotation_sha256=sha256_file(run.eval_annotations),
        ),
        "manifest": None,
        "log": sha256_bytes(b"a line"),
        "noisy_annotations": None,
    }
    (run.folder / "log.jsonl").write_bytes(b"a line")
    found = read_predictions(run.folder / "predictions.json.zst")
    fields = {
        "status": "done",
        "spec": run.spec,
        "metrics": evaluate(run.eval_annotations, found, classes=run.spec["data"]["classes"]),
        "failure": None,
        "checksums": checksums,
        "lineage": {},
        "environment": {},
        "timings": {},
        "started": "2025-01-02T03:04:05Z",
        "finished": "2025-01-02T03:04:06Z",
    }
    return run, seal(fields)


def test_originals_that_are_not_in_the_store_are_claims(converted):
    run, record = converted
    assert sha256_file(run.eval_annotations) != run.spec["data"]["eval_sha256"]
    findings = verify_run(run.folder, record)[1]
    assert (findings.differences, findings.unchecked) == ([], [])
    for part in ("train", "eval"):
        assert any(line.startswith(f"spec.data.{part}_sha256: ") for line in findings.claimed)


@pytest.mark.parametrize("part", ["train", "eval"])
def test_what_was_made_from_them_is_checked_all_the_same(converted, part):
    run, record = converted
    file = run.eval_annotations.with_name(f"{part}.json")
    file.write_bytes(file.read_bytes().replace(b"fox", b"fax", 1))
    findings = verify_run(run.folder, record)[1]
    (one,) = findings.differences
    assert one.source == str(file)
    note = file.with_name("checked.json")
    note.unlink()
    findings = verify_run(run.folder, record)[1]
    assert len(findings.differences) == (part == "eval")
    assert any("nothing says which checksum it had" in line for line in findings.unchecked)


def test_an_own_methods_file_is_held_against_the_spec(store):
    folder = store / "shapes" / "lncis" / CLEAN
    record = record_of(folder)
    method = {"name": "lncis", "file_sha256": sha256_bytes(b"mine"), "parameters": {}}
    own = sealed(record, spec={**record["spec"], "method": method})
    findings = verify_run(folder, own)[1]
    assert any(line.startswith("spec.method.file_sha256: method.py") for line in findings.claimed)
    (folder / "method.py").write_bytes(b"mine")
    assert "spec.method.file_sha256" in verify_run(folder, own)[1].proven
    (folder / "method.py").write_bytes(b"other")
    assert "spec.method.file_sha256" in differing(folder, own)
