"""`leaderboard verify`, `import` and `reproduce`, as they are called."""

import json
import zipfile
from pathlib import Path

import pytest
import yaml

from noisyseg.bench.cluster.scheduler import Done
from noisyseg.bench.config.suite import Choices, load_suite
from noisyseg.bench.leaderboard.contents import parse_contents
from noisyseg.bench.runs.grid import expand
from noisyseg.files import sha256_bytes
from noisyseg.methods.registry import methods_of_files
from noisyseg.results.evaluation.predictions import read_predictions
from noisyseg.results.leaderboard.entry import read_entry
from noisyseg.results.records.record import seal
from noisyseg.results.records.store import RunStore


@pytest.fixture
def verify(call, toy_bundle, toy_store):
    def make(*more, bundle=toy_bundle):
        return call("leaderboard", "verify", bundle, "--suite", toy_store[0], *more)

    return make


def test_verify_says_what_holds_and_what_no_check_can_prove(verify):
    done = verify()
    assert done.status == 0, done.err
    assert done.out.splitlines()[0].startswith("suite toy, method lncis, bundle ")
    assert done.out.splitlines()[-1] == "accepted"
    assert "only training again tells (leaderboard reproduce)" in done.out.replace("\n  ", " ")


def test_verify_prints_one_json_document(verify):
    done = verify("--json")
    document = json.loads(done.out)
    assert document["format"] == 1
    assert (document["suite"], document["method"]) == ("toy", "lncis")
    assert (document["accepted"], document["provisional"]) == (True, False)
    assert document["with_data"]
    assert {check["state"] for check in document["checks"]} == {"holds", "claimed"}
    assert set(document["checks"][0]) == {"id", "state", "run", "what", "detail"}
    assert done.err == "accepted\n"


def test_verify_publishes_what_it_accepts(verify, toy_bundle, tmp_path):
    done = verify("--publish", tmp_path / "published")
    assert done.status == 0, done.err
    place = Path(done.err.removeprefix("entry: ").strip())
    entry = read_entry(place / "entry.json")
    assert entry.id == place.name
    assert entry.bundle.bytes == toy_bundle.stat().st_size
    assert json.loads((place / "verdict.json").read_bytes())["accepted"]
    assert verify("--publish", tmp_path / "published").status == 0
    refused = verify("--publish", tmp_path / "published", "--without-data")
    assert refused.status == 2
    assert "needs the data" in refused.err


def test_an_entry_can_go_without_its_bundle(verify, tmp_path):
    done = verify("--publish", tmp_path / "published", "--without-bundle")
    place = Path(done.err.removeprefix("entry: ").strip())
    assert sorted(path.name for path in place.iterdir()) == ["entry.json", "verdict.json"]
    assert read_entry(place / "entry.json").bundle.included is False


@pytest.mark.long  # a method of a file is tried, by torch
def test_a_methods_file_is_hashed_and_never_run(call, toy_store, card, write_files, tmp_path):
    """It would leave a mark: as it did when its runs were made, by the one who had written it."""
    suite, out, _ = toy_store
    mark, source = tmp_path / "mark", tmp_path / "own.py"
    source.write_text(
        f"open({str(mark)!r}, 'w').close()\n"
        "def own(logits, labels):\n"
        '    """Nothing, by nobody."""\n'
        "    return logits.sum(1) * 0.0\n"
    )
    own = methods_of_files([f"{source}:own"])
    loaded = load_suite(
        str(suite), data_root=None, cache=tmp_path / "cache", choices=Choices(own_methods=own)
    )
    store = RunStore(out)
    runs = [run for run in expand(loaded, store) if run.method_label == "own"]
    for number, run in enumerate(runs):
        write_files(run, store, 50 + number)
    bundle = tmp_path / "own.zip"
    words = ("--suite", suite, "--card", card(runs, "own"), "--out", bundle)
    submitted = call("leaderboard", "submit", out, *words, "--method-file", f"{source}:own")
    assert submitted.status == 0, submitted.err
    assert mark.exists()
    mark.unlink()
    done = call("leaderboard", "verify", bundle, "--suite", suite)
    assert done.status == 0, done.out
    assert not mark.exists()
    files = {
        name: zipfile.ZipFile(bundle).read(name) for name in zipfile.ZipFile(bundle).namelist()
    }
    assert files["method.py"] == source.read_bytes()
    key = runs[0].key
    refused = call("leaderboard", "reproduce", bundle, "--key", key, "--suite", suite)
    assert refused.status == 2
    assert "--method-file" in refused.err
    assert not mark.exists()


def test_verify_refuses_with_the_reason_and_status_1(verify, toy_bundle, tmp_path):
    torn = tmp_path / "torn.zip"
    torn.write_bytes(toy_bundle.read_bytes()[:-30])
    done = verify("--publish", tmp_path / "published", bundle=torn)
    assert done.status == 1
    assert done.out.startswith("FAILS archive.files: ")
    assert done.out.splitlines()[-1] == "REFUSED: 1 of 1 checks fail"
    assert not (tmp_path / "published").exists()


def test_verify_without_a_suite_takes_shipped_names_alone(call, toy_bundle, tmp_path):
    done = call("leaderboard", "verify", toy_bundle)
    assert done.status == 2
    assert "unknown suite 'toy'" in done.err
    assert call("leaderboard", "verify", tmp_path / "none.zip").status == 2


def test_verify_names_copies_of_published_entries(verify, call, toy_store, card, tmp_path):
    """The same runs, by somebody else: another card, so another bundle."""
    suite, out, runs = toy_store
    assert verify("--publish", tmp_path / "published").status == 0
    text = card(runs).read_text()
    other = tmp_path / "other.yaml"
    other.write_text(text.replace("A. Author", "B. Other"))
    bundle = tmp_path / "other.zip"
    words = ("leaderboard", "submit", out, "--suite", suite, "--card", other, "--out", bundle)
    assert call(*words).status == 0
    done = verify("--against", tmp_path / "published", "--json", bundle=bundle)
    remarks = [check for check in json.loads(done.out)["checks"] if check["state"] == "remark"]
    assert done.status == 0
    assert {check["id"] for check in remarks} == {"copies.published"}
    assert {check["run"] for check in remarks} == {
        run.key for run in runs if run.method_label == "lncis"
    }
    entry = next((tmp_path / "published" / "entries").iterdir())
    assert all(entry.name in check["what"] for check in remarks)
    (entry / "bundle.zip").unlink()  # its checksums are left
    again = json.loads(verify("--against", tmp_path / "published", "--json", bundle=bundle).out)
    assert sum(check["id"] == "copies.published" for check in again["checks"]) == 6


def coco_results(run):
    predictions = read_predictions(run.folder / "predictions.json.zst")
    kept = ("image_id", "category_id", "score", "segmentation")
    return [{key: one[key] for key in kept} for one in predictions.detections]


@pytest.fixture
def imported(call, toy_store, card, tmp_path):
    """Calls import with the results of the noisy lncis runs, under another label."""
    suite, _, runs = toy_store
    own = [run for run in runs if (run.method_label, run.noise_label) == ("lncis", "sym40")]

    def make(*more, results=None, label="theirs", noise="sym40"):
        files = []
        for number, entries in enumerate(results or [coco_results(run) for run in own]):
            files.append(tmp_path / f"{number}.json")
            files[-1].write_text(json.dumps(entries))
        document = yaml.safe_load(card(runs).read_text()) | {"method": label, "parameters": {}}
        own_card = tmp_path / "theirs.yaml"
        own_card.write_text(yaml.safe_dump(document))
        words = ("--suite", suite, "--noise", noise, "--card", own_card)
        out = tmp_path / "theirs.zip"
        return call("leaderboard", "import", *files, *words, "--out", out, *more), own, out

    return make


def test_imported_results_are_evaluated_and_marked(imported, tmp_path):
    done, own, out = imported("--publish", tmp_path / "published")
    assert done.status == 0, done.err
    entry = read_entry(Path(done.err.removeprefix("entry: ").strip()) / "entry.json")
    assert entry.kind == "imported"
    runs = entry.settings["sym40"].runs
    store = RunStore(own[0].folder.parents[2])
    # The mask AP of the runs that they were taken from.
    recorded = [store.load(run.spec)["metrics"]["segm"]["AP"] for run in own]
    assert [run.metrics["segm.AP"] for run in runs] == pytest.approx(recorded, abs=1e-9)
    assert all(run.train_seed is None and run.finished is None for run in runs)
    assert "training" in entry.checks.claimed[0]
    with zipfile.ZipFile(out) as archive:
        for run in runs:
            content = archive.read(f"runs/{run.key}/predictions.json.zst")
            assert run.checksums == {"predictions": sha256_bytes(content)}
    assert len(zipfile.ZipFile(out).namelist()) == 3 + len(own)


def test_an_imported_bundle_is_verified_like_any(imported, verify):
    _, _, out = imported()
    done = verify(bundle=out)
    assert done.status == 0, done.out
    assert "made by other code" in done.out.replace("\n  ", " ")


def test_the_same_results_give_the_same_bundle(imported):
    first = imported()[2].read_bytes()
    assert imported()[2].read_bytes() == first


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"label": "lncis"}, "one of the suite's own"),
        ({"noise": "sym80"}, "unknown noise setting"),
        ({"results": [{}]}, "wanted COCO results"),
        ({"results": [[{"image_id": 600}]]}, "wanted image_id, category_id"),
        ({"results": [[5]]}, "wanted image_id, category_id"),
    ],
)
def test_what_cannot_be_imported_is_named(imported, change, reason):
    done, _, out = imported(**change)
    assert done.status == 2
    assert reason in done.err
    assert not out.exists()


def test_results_of_other_images_or_with_damaged_masks_are_refused(imported, toy_store):
    run = next(run for run in toy_store[2] if run.method_label == "lncis")
    for key, value, reason in (
        ("image_id", 5, "image 5 is not one of the evaluation's 3"),
        ("image_id", "600", "not one of the evaluation's"),
        ("category_id", 4, "category"),
        ("segmentation", {"size": [10, 20], "counts": "~"}, "wanted a segmentation"),
        ("segmentation", {"size": [20, 10], "counts": [200]}, "wanted a segmentation"),
        ("score", None, "score"),
    ):
        entries = coco_results(run)
        entries[0][key] = value
        done, *_ = imported(results=[entries])
        assert done.status == 2, key
        assert reason in done.err
        assert "0.json" in done.err


def test_one_runs_results_twice_are_a_copy(imported, toy_store):
    entries = coco_results(next(run for run in toy_store[2] if run.method_label == "lncis"))
    done, *_ = imported(results=[entries, entries])
    assert done.status == 1
    assert "FAILS copies.own" in done.out


@pytest.fixture
def reproduce(call, toy_bundle, toy_store, monkeypatch):
    """Calls reproduce; its training ends with a mask AP that lies off the claimed one."""
    suite, out, _ = toy_store

    def make(*more, off=0.0, key=None):
        def trained(runs, store, *_):
            (run,) = runs
            source = RunStore(out).load(run.spec)
            metrics = json.loads(json.dumps(source["metrics"]))
            metrics["segm"]["AP"] += off
            fields = {k: v for k, v in source.items() if k not in ("format", "key", "checksum")}
            return Done(records={run.key: seal({**fields, "metrics": metrics})})

        monkeypatch.setattr("noisyseg.bench.cluster.scheduler.run_all", trained)
        key = key or parse_contents(zipfile.ZipFile(toy_bundle).read("bundle.json")).runs[0].key
        return call("leaderboard", "reproduce", toy_bundle, "--key", key, "--suite", suite, *more)

    return make


def test_a_run_trained_again_is_held_against_the_seeds_spread(reproduce):
    same = reproduce()
    assert same.status == 0, same.err
    assert "REPRODUCED exactly" in same.err
    far = reproduce("--json", off=60.0)
    assert far.status == 1
    assert "NOT REPRODUCED" in far.err
    document = json.loads(far.out)
    found = document["metrics"]["segm.AP"]
    assert found["again"] - found["claimed"] == pytest.approx(60)
    assert found["within"] is False
    assert found["seeds"] == 3
    middle = sum(found["interval"]) / 2
    near = reproduce(off=middle - found["claimed"])
    assert near.status == 0
    assert "within the seeds' spread" in near.err


def test_a_run_that_is_in_the_store_is_said_not_to_be_trained(reproduce, toy_store):
    done = reproduce("--out", toy_store[1], off=60.0)
    assert done.status == 0
    assert "it is not trained once more" in done.err
    assert "REPRODUCED exactly" in done.err


def test_an_unknown_run_cannot_be_reproduced(reproduce):
    done = reproduce(key="zz")
    assert done.status == 2
    assert "unknown run of the bundle" in done.err


def test_other_data_would_be_another_run(reproduce, toy):
    toy.documents["train"]["annotations"][0]["category_id"] = 90
    toy.write()
    done = reproduce()
    assert done.status == 2
    assert "data, weights, suite or noisyseg are others" in done.err
