import json
import os

import pytest

from noisyseg.errors import InputError
from noisyseg.results.records.record import CorruptRecordError, run_key, seal
from noisyseg.results.records.store import RunStore, is_done


def _spec(data="shapes", method="ce", seed=0):
    return {
        "schema": 1,
        "data": {"name": data},
        "protocol": {"name": "tiny"},
        "model": {"name": "mask-rcnn"},
        "method": {"name": method},
        "noise": None,
        "training": {"version": 1},
        "train_seed": seed,
        "eval": {"version": 1},
    }


def _record(spec=None, ap=30.0, failed=False):
    failure = {"type": "RuntimeError", "message": "boom", "log": None}
    return seal(
        {
            "status": "failed" if failed else "done",
            "spec": spec or _spec(),
            "metrics": None if failed else {"segm": {"AP": ap}},
            "failure": failure if failed else None,
            "checksums": dict.fromkeys(
                ["manifest", "predictions", "log", "noisy_annotations"], None
            ),
            "lineage": {},
            "environment": {},
            "timings": {},
            "started": "2025-01-02T03:04:05Z",
            "finished": "2025-01-02T03:04:06Z",
        }
    )


def test_a_run_lies_under_data_set_method_and_key(tmp_path):
    spec = _spec("voc2012", "lncis")
    folder = RunStore(tmp_path).folder(spec)
    assert folder == tmp_path / "voc2012" / "lncis" / run_key(spec)
    assert not folder.exists()


@pytest.mark.parametrize("name", ["", " ", "..", ".", ".hidden", "a/b", "/etc", "a\\b", "a\0b", 3])
@pytest.mark.parametrize("part", ["data", "method"])
def test_a_name_that_would_leave_the_store_is_refused(tmp_path, name, part):
    with pytest.raises(InputError, match=part):
        RunStore(tmp_path).folder(_spec(**{part: name}))


def test_what_is_saved_is_loaded_by_spec_and_by_key(tmp_path):
    store, record = RunStore(tmp_path / "new" / "runs"), _record()
    assert store.load(_spec()) is None
    assert store.load(record["key"]) is None
    path = store.save(record)
    assert path == store.folder(_spec()) / "record.json"
    assert store.load(_spec()) == record
    assert store.load(record["key"]) == record
    assert store.load(_spec(seed=1)) is None
    assert [file.name for file in path.parent.iterdir()] == ["record.json"]


@pytest.mark.parametrize("key", ["*", "..", "", "0" * 16])
def test_a_key_is_compared_not_expanded(tmp_path, key):
    store = RunStore(tmp_path)
    store.save(_record())
    assert store.load(key) is None


def test_a_failed_run_is_not_done_and_is_replaced(tmp_path):
    store = RunStore(tmp_path)
    store.save(_record(failed=True))
    found = store.load(_spec())
    assert found["failure"]["message"] == "boom"
    assert not is_done(found)
    assert not is_done(None)
    store.save(_record(ap=31.0))
    assert is_done(store.load(_spec()))
    assert [r["metrics"] for r in store.all_records()[0]] == [{"segm": {"AP": 31.0}}]


def test_an_invalid_record_is_never_written(tmp_path):
    store, record = RunStore(tmp_path), _record()
    record["metrics"]["segm"]["AP"] = 99.0
    with pytest.raises(CorruptRecordError):
        store.save(record)
    assert list(tmp_path.iterdir()) == []


def test_a_record_torn_at_any_length_is_set_aside_whole_and_reported(tmp_path):
    store, record = RunStore(tmp_path), _record()
    path = store.save(record)
    whole = path.read_bytes()
    for number, length in enumerate(range(0, len(whole) - 1, 7), start=1):
        path.write_bytes(whole[:length])
        with pytest.raises(CorruptRecordError, match=r"record\.json"):
            store.load(_spec())
        found, message = store.load_or_set_aside(_spec())
        assert found is None
        assert f"record.json.corrupt-{number}" in message
        assert not path.exists()
    kept = {int(file.suffix.rpartition("-")[2]): file for file in path.parent.iterdir()}
    lengths = [kept[number].stat().st_size for number in sorted(kept)]
    assert lengths == list(range(0, len(whole) - 1, 7))
    assert store.load_or_set_aside(_spec()) == (None, None)
    store.save(record)
    assert store.load_or_set_aside(_spec()) == (record, None)


def test_a_tampered_metric_is_found(tmp_path):
    store = RunStore(tmp_path)
    path = store.save(_record(ap=30.0))
    path.write_text(path.read_text().replace("30.0", "39.0"))
    found, message = store.load_or_set_aside(_spec())
    assert found is None
    assert "checksum" in message


def test_a_record_of_another_run_is_found(tmp_path):
    store = RunStore(tmp_path)
    path = store.save(_record(_spec(seed=1)))
    stranger = store.folder(_spec(seed=2)) / "record.json"
    stranger.parent.mkdir()
    stranger.write_bytes(path.read_bytes())
    found, message = store.load_or_set_aside(_spec(seed=2))
    assert found is None
    assert run_key(_spec(seed=1)) in message
    moved = tmp_path / "shapes" / "gce" / path.parent.name / "record.json"
    moved.parent.mkdir(parents=True)
    moved.write_bytes(path.read_bytes())
    records, problems = store.all_records()
    assert [r["key"] for r in records] == [run_key(_spec(seed=1))]
    assert len(problems) == 1
    assert "gce" in problems[0]


def test_saving_over_a_corrupt_record_keeps_it(tmp_path):
    store = RunStore(tmp_path)
    path = store.save(_record())
    path.write_bytes(b"torn")
    store.save(_record())
    assert path.with_name("record.json.corrupt-1").read_bytes() == b"torn"
    assert store.load(_spec()) == _record()


def test_setting_aside_by_spec_key_or_path(tmp_path):
    store = RunStore(tmp_path)
    for number, name in enumerate(["spec", "key", "path"], start=1):
        path = store.save(_record())
        which = {"spec": _spec(), "key": run_key(_spec()), "path": path}[name]
        assert store.set_aside(which) == path.with_name(f"record.json.corrupt-{number}")
        assert not path.exists()
        with pytest.raises(InputError, match="no record"):
            store.set_aside(which)


def test_a_record_that_cannot_be_read_is_not_taken_for_corrupt(tmp_path):
    store = RunStore(tmp_path)
    path = store.folder(_spec()) / "record.json"
    path.mkdir(parents=True)
    with pytest.raises(InputError, match="cannot read") as raised:
        store.load_or_set_aside(_spec())
    assert not isinstance(raised.value, CorruptRecordError)
    assert path.is_dir()


def test_all_records_go_on_past_bad_ones(tmp_path):
    store = RunStore(tmp_path)
    assert RunStore(tmp_path / "absent").all_records() == ([], [])
    saved = [_record(_spec(d, m)) for d in ("shapes", "voc") for m in ("ce", "gce")]
    for record in reversed(saved):
        store.save(record)
    bad = store.save(_record(_spec("voc", "lncis")))
    bad.write_text(json.dumps({"format": 1}))
    (tmp_path / "notes.txt").write_text("a user's own")
    records, problems = store.all_records()
    assert records == saved
    assert len(problems) == 1
    assert str(bad) in problems[0]
    assert bad.exists()


def test_a_writable_root_is_made_and_left_empty(tmp_path):
    RunStore(tmp_path / "a" / "b").check_writable()
    assert list((tmp_path / "a" / "b").iterdir()) == []


def test_a_root_below_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="--out"):
        RunStore(tmp_path / "file" / "runs").check_writable()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_root_without_write_permission_is_refused(tmp_path):
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(InputError, match=str(tmp_path)):
            RunStore(tmp_path).check_writable()
    finally:
        tmp_path.chmod(0o700)
