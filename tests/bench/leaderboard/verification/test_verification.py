"""A bundle as it was submitted is accepted and gives its table's numbers; a changed one is not."""

import json
import statistics

import msgspec
import pytest

from noisyseg.bench.leaderboard.entry_making import entry_of, publish
from noisyseg.bench.leaderboard.ground import ground_for, shipped_name
from noisyseg.bench.leaderboard.verdict import headline, verdict_document, verdict_text
from noisyseg.bench.leaderboard.verification import verify
from noisyseg.errors import InputError
from noisyseg.results.evaluation.average_precision import average_precision
from noisyseg.results.evaluation.evaluation import mask_matches
from noisyseg.results.evaluation.predictions import read_predictions
from noisyseg.results.leaderboard.entry import decoded_draws, read_entry, write_entry
from noisyseg.results.records.store import RunStore


@pytest.fixture
def ground(toy_store, tmp_path):
    def make(*, with_data=True):
        return ground_for(
            str(toy_store[0]), None, data_root=None, cache=tmp_path / "cache", with_data=with_data
        )

    return make


@pytest.fixture
def verified(toy_bundle, ground):
    return verify(toy_bundle, lambda *_: ground(), draws=True)


def test_a_bundle_as_submitted_is_accepted(verified, toy_bundle, ground):
    verdict = verified.verdict
    assert verdict.accepted
    assert not verdict.provisional
    families = {check.id.partition(".")[0] for check in verdict.of("holds")}
    wanted = (
        "archive schema suite seeds card method record noise log metrics predictions copies claims"
    )
    assert families == set(wanted.split())
    assert [check.id for check in verdict.of("claimed")] == ["training"]
    assert not verdict.of("unchecked")
    assert headline(verdict) == "accepted"
    assert all(run.predictions is None for run in verified.runs)  # not all in memory at once
    again = verify(toy_bundle, lambda *_: ground(), draws=True).verdict
    assert json.dumps(verdict_document(again)) == json.dumps(verdict_document(verdict))


def test_without_the_data_it_says_what_was_not_checked(toy_bundle, ground):
    verdict = verify(toy_bundle, lambda *_: ground(with_data=False)).verdict
    assert verdict.accepted
    assert not verdict.with_data
    unchecked = {check.id for check in verdict.of("unchecked")}
    assert unchecked == {"suite.data", "noise.again", "metrics.again"}
    assert "as far as can be checked without the data" in headline(verdict)
    assert "not checked: the noise was not made again" in verdict_text(verdict)


def test_an_entry_has_the_tables_numbers(verified, toy_store):
    _, out, runs = toy_store
    entry = entry_of(verified)
    store = RunStore(out)
    for label in ("clean", "sym40"):
        own = [r for r in runs if (r.method_label, r.noise_label) == ("lncis", label)]
        recorded = {run.key: store.load(run.spec)["metrics"] for run in own}
        found = {run.key: run for run in entry.settings[label].runs}
        assert found.keys() == recorded.keys()
        for key, metrics in recorded.items():
            assert found[key].metrics["segm.AP"] == pytest.approx(metrics["segm"]["AP"], abs=1e-9)
            assert found[key].metrics["matched.accuracy"] == metrics["matched"]["accuracy"]
            assert found[key].per_class["fox"].bbox == metrics["per_class"]["fox"]["bbox"]
        claim = verified.papers.contents.claims[label]["segm.AP"]
        table = [metrics["segm"]["AP"] for metrics in recorded.values()]
        assert claim.mean == pytest.approx(statistics.fmean(table), abs=1e-9)
        assert claim.sd == pytest.approx(statistics.stdev(table), abs=1e-9)
    assert (entry.kind, entry.suite, entry.data, entry.family) == (
        "verified",
        "toy",
        "toy",
        "Mask R-CNN",
    )
    assert entry.settings["sym40"].rate == 0.4
    assert entry.settings["clean"].rate == 0.0
    assert entry.settings["clean"].noise is None
    assert entry.date == "2025-01-02"


def test_draws_are_of_the_bootstrap_and_centred_on_the_number(verified, toy_store):
    runs = {run.key: run for run in toy_store[2]}
    setting = entry_of(verified).settings["clean"]
    for run in setting.runs:
        own = runs[run.key]
        predictions = read_predictions(own.folder / "predictions.json.zst")
        matches = mask_matches(own.eval_annotations, predictions, classes=["fox", "cat", "dog"])
        assert average_precision(matches) == pytest.approx(run.metrics["segm.AP"], abs=1e-9)
        draws = decoded_draws(run.draws)
        assert draws.min() < run.metrics["segm.AP"] <= draws.max()
        assert draws.std() > 0


def test_publishing_lays_entry_verdict_and_bundle_down_once(verified, toy_bundle, tmp_path):
    entry = entry_of(verified)
    place = publish(verified, toy_bundle, tmp_path / "published", entry)
    assert place.parent == tmp_path / "published" / "entries"
    assert sorted(path.name for path in place.iterdir()) == [
        "bundle.zip",
        "entry.json",
        "verdict.json",
    ]
    assert [path.name for path in place.parent.iterdir()] == [entry.id]
    assert read_entry(place / "entry.json") == entry
    assert (place / "bundle.zip").read_bytes() == toy_bundle.read_bytes()
    before = {path.name: path.read_bytes() for path in place.iterdir()}
    publish(verified, toy_bundle, tmp_path / "published", entry)
    assert {path.name: path.read_bytes() for path in place.iterdir()} == before
    of_another = before["entry.json"].replace(verified.verdict.sha256.encode(), b"f" * 64)
    (place / "entry.json").write_bytes(of_another)
    with pytest.raises(InputError, match="never overwritten"):
        publish(verified, toy_bundle, tmp_path / "published", entry)


def test_a_bundle_that_changed_since_is_not_published(verified, toy_bundle, tmp_path):
    entry = entry_of(verified)
    toy_bundle.write_bytes(toy_bundle.read_bytes() + b"x")
    with pytest.raises(InputError, match="has changed"):
        publish(verified, toy_bundle, tmp_path / "published", entry)
    assert not list((tmp_path / "published" / "entries").iterdir())


def test_only_an_accepted_bundle_makes_an_entry(toy_bundle, ground):
    without = verify(toy_bundle, lambda *_: ground(with_data=False))
    with pytest.raises(InputError, match="accepted with the data"):
        entry_of(without)


@pytest.fixture
def somebody_elses(verified, toy_bundle, tmp_path):
    """Publishes the bundle's runs as an entry of another bundle, with other words in entry.json."""
    published = tmp_path / "published"
    place = publish(verified, toy_bundle, published, entry_of(verified))

    def change(**changes):
        entry = json.loads((place / "entry.json").read_bytes())
        entry = {**entry, "bundle": {**entry["bundle"], "sha256": "f" * 64}, **changes}
        (place / "entry.json").write_text(json.dumps(entry))
        return place

    def other_files():
        settings = json.loads((place / "entry.json").read_bytes())["settings"]
        for setting in settings.values():
            for number, run in enumerate(setting["runs"]):
                run["checksums"]["predictions"] = f"{number:064x}"
        return settings

    return published, place, change, other_files


def remarks_of(bundle, ground, published):
    verdict = verify(bundle, lambda *_: ground(), published=published).verdict
    assert verdict.accepted
    return [(check.run is not None, check.what, check.detail) for check in verdict.of("remark")]


def test_an_entrys_own_bundle_is_no_copy_of_it(toy_bundle, ground, somebody_elses):
    assert remarks_of(toy_bundle, ground, somebody_elses[0]) == []


def test_equal_files_are_told_by_an_entrys_checksums(toy_bundle, ground, somebody_elses):
    published, place, change, _ = somebody_elses
    change()
    (place / "bundle.zip").write_bytes(b"damaged")  # and so need not be read
    remarks = remarks_of(toy_bundle, ground, published)
    assert len(remarks) == 6
    assert all(of_run and f"of the entry {place.name}" in what for of_run, what, _ in remarks)


def test_equal_detections_are_told_by_an_entrys_bundle(toy_bundle, ground, somebody_elses):
    published, _, change, other_files = somebody_elses
    change(settings=other_files())
    remarks = remarks_of(toy_bundle, ground, published)
    assert len(remarks) == 6
    assert all(what.startswith("the detections are those") for _, what, _ in remarks)


def test_a_damaged_entry_is_a_remark_and_no_end(toy_bundle, ground, somebody_elses):
    published, place, change, other_files = somebody_elses
    change(settings=other_files())
    (place / "bundle.zip").write_bytes(b"damaged")
    said = f"the entry {place.name} was not compared, as it cannot be read"
    ((of_run, what, detail),) = remarks_of(toy_bundle, ground, published)
    assert (of_run, what) == (False, said)
    assert detail
    (place / "entry.json").write_bytes(b"{")
    assert [what for _, what, _ in remarks_of(toy_bundle, ground, published)] == [said]


@pytest.mark.parametrize("other", [{"ground": "0" * 16}, {"suite": "quick"}])
def test_entries_of_other_grounds_are_not_read(toy_bundle, ground, somebody_elses, other):
    published, place, change, other_files = somebody_elses
    change(**other, settings=other_files())
    (place / "bundle.zip").write_bytes(b"damaged")
    assert remarks_of(toy_bundle, ground, published) == []


def test_what_is_too_large_for_a_bundle_is_not_hashed(ground, tmp_path, monkeypatch):
    monkeypatch.setattr("noisyseg.bench.leaderboard.verification.sha256_file", None)
    path = tmp_path / "huge.zip"
    with path.open("wb") as file:
        file.truncate(4 << 30)
    verdict = verify(path, lambda *_: ground()).verdict
    assert not verdict.accepted
    assert [check.id for check in verdict.of("fails")] == ["archive.files"]
    assert verdict_document(verdict)["bundle"] == {"sha256": None, "bytes": 4 << 30}
    assert "REFUSED" in verdict_text(verdict)


def test_a_suite_of_a_bundle_is_a_name_and_never_a_path():
    assert shipped_name("quick") == "quick"
    for name in ("../evil.yaml", "/etc/x.yml", "a/b", "a\\b", "quick.yaml"):
        with pytest.raises(InputError, match="name the suite's file yourself"):
            shipped_name(name)


def test_what_nobody_foresaw_refuses_the_bundle(toy_bundle, ground, monkeypatch, caplog):
    def broken(*_):
        raise ZeroDivisionError("of a stranger's")

    monkeypatch.setattr("noisyseg.bench.leaderboard.verification.check_copies", broken)
    verdict = verify(toy_bundle, lambda *_: ground()).verdict
    assert not verdict.accepted
    (check,) = verdict.of("fails")
    assert (check.id, check.detail) == ("verification.end", "ZeroDivisionError: of a stranger's")
    assert "ZeroDivisionError" in caplog.text


def test_a_fault_of_this_machine_is_none_of_the_bundles(toy_bundle, ground, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("noisyseg.bench.leaderboard.verification.check_copies", full)
    with pytest.raises(OSError, match="No space"):
        verify(toy_bundle, lambda *_: ground())


def test_bundles_of_other_data_are_not_unpacked(verified, toy_bundle, ground, tmp_path):
    published = tmp_path / "published"
    place = publish(verified, toy_bundle, published, entry_of(verified))
    entry = read_entry(place / "entry.json")
    write_entry(place, msgspec.structs.replace(entry, data="others"))
    (place / "bundle.zip").write_bytes(b"no zip")
    assert not verify(toy_bundle, lambda *_: ground(), published=published).verdict.of("remark")


def test_an_absent_bundle_cannot_be_tried(ground, tmp_path):
    with pytest.raises(InputError, match="no bundle"):
        verify(tmp_path / "none.zip", lambda *_: ground())
