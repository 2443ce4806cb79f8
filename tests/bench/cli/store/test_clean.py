"""`store clean`: what goes, what stays, and what is said of both."""

import fcntl
import json
import os
import shutil
from pathlib import Path

import pytest

HELD = Path(__file__).parents[3] / "held" / "store"
DONE = ("shapes/lncis/2dc59a12c357a8da", "shapes/lncis/1726e3c47f19a026")
NOON = "2026-01-01T12:00:00Z"
MEGABYTE = bytes(10**6)


@pytest.fixture
def store(tmp_path):
    """A store of two runs that are done, with the checkpoints that trainings leave."""
    root = shutil.copytree(HELD, tmp_path / "runs")
    for run in DONE:
        folder = root / run / "checkpoints"
        folder.mkdir()
        (folder / "last.pth").write_bytes(MEGABYTE)
        (folder / "previous.pth").write_bytes(MEGABYTE)
        for name in ("last", "previous"):
            (folder / f"{name}.json").write_bytes(b"{}")
        os.link(folder / "last.pth", folder / "epoch-0002.pth")  # takes no room of its own
        (folder / ".last.pth.part").write_bytes(b"torn")
    return root


def files(root):
    return {p.relative_to(root) for p in root.rglob("*") if p.is_file() and p.name != ".lock"}


def of_checkpoints(root):
    return {path for path in files(root) if "checkpoints" in path.parts}


def test_only_checkpoints_of_runs_that_are_done_go(call, store):
    before = files(store)
    told = call("store", "clean", "--out", store, "--dry-run")
    assert told.status == 0
    assert files(store) == before
    assert " ".join(told.out.split()) == (
        f"shapes 4.0 MB 2 runs 4.0 MB would be freed of 2 runs in {store}"
    )
    assert "`run --test-dev`" in " ".join(told.err.split())
    done = call("store", "clean", "--out", store)
    assert (done.status, done.err) == (0, told.err)
    assert done.out.split() == told.out.replace("would be freed", "freed").split()
    notes = {Path(run, "checkpoints", "removed.json") for run in DONE}
    assert of_checkpoints(store) == notes
    assert files(store) - notes == {path for path in before if "checkpoints" not in path.parts}
    again = call("store", "clean", "--out", store)
    assert (again.status, again.err) == (0, "")
    assert again.out.startswith("0 B freed of 0 runs in")
    listed = json.loads(call("status", "--out", store, "--json").out)
    assert [run["status"] for run in listed["runs"]] == ["done", "done"]


@pytest.mark.parametrize("name", [".lock", ".claim"])
def test_what_a_run_goes_on_from_stays(call, store, name):
    """One waits, and one is under way: a worker holds its lock, or a driver has claimed it."""
    before = of_checkpoints(store)
    (store / DONE[0] / "record.json").unlink()
    with (store / DONE[1] / name).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = call("store", "clean", "--out", store, "--json")
    assert done.status == 0
    assert json.loads(done.out) == {
        "removed": True,
        "freed": [],
        "kept": {"waiting": 1, "running": 1},
        "problems": [],
    }
    assert of_checkpoints(store) == before
    text = call("store", "clean", "--out", store).out
    assert "kept, to go on from: 1 waiting\n" in text
    assert of_checkpoints(store) & {p for p in before if DONE[0] in str(p)}


def test_a_failed_run_keeps_its_checkpoints_and_a_damaged_record_is_told(call, store):
    from noisyseg.bench.runs.execution import failure_fields
    from noisyseg.results.records.record import seal
    from noisyseg.results.records.store import RunStore

    before = of_checkpoints(store)
    spec = json.loads((store / DONE[0] / "spec.json").read_bytes())
    times = {"environment": {}, "started": NOON, "finished": NOON}
    RunStore(store).save(
        seal({"spec": spec, **times, **failure_fields("OSError", "no room", "disk full")})
    )
    record = store / DONE[1] / "record.json"
    record.write_bytes(record.read_bytes().replace(b'"done"', b'"DONE"'))
    done = call("store", "clean", "--out", store)
    assert done.status == 1
    assert f"{record}: " in done.err
    assert "kept, to go on from: 1 failed, 1 waiting" in done.out
    assert of_checkpoints(store) == before


def test_first_epochs_that_no_run_will_begin_from_go(call, store):
    folder = store / ".prefixes" / "0123456789abcdef"
    folder.mkdir(parents=True)
    (folder / "checkpoint.pth").write_bytes(MEGABYTE)
    (folder / "checkpoint.json").write_bytes(b"{}")
    told = call("store", "clean", "--out", store, "--dry-run").out
    assert ".prefixes 1.0 MB first epochs that no run needs any more" in " ".join(told.split())
    assert (folder / "checkpoint.pth").is_file()
    freed = json.loads(call("store", "clean", "--out", store, "--json").out)["freed"]
    assert freed[-1] == {"name": ".prefixes", "runs": 0, "bytes": 10**6 + 2}
    assert not folder.exists()


def test_first_epochs_are_kept_where_nobody_knows_what_a_run_needs(call, store):
    folder = store / ".prefixes" / "0123456789abcdef"
    folder.mkdir(parents=True)
    (store / DONE[0] / "record.json").unlink()
    spec = store / DONE[0] / "spec.json"
    parts = json.loads(spec.read_bytes())
    parts["method"]["parameters"] = {}
    spec.write_text(json.dumps(parts))
    call("store", "clean", "--out", store)
    assert folder.is_dir()


def test_copies_of_runs_that_contradict_each_other_are_cleaned_if_asked_for(call, store):
    kept = store / ".conflicts" / DONE[0] / "01234567" / "checkpoints"
    kept.mkdir(parents=True)
    (kept / "last.pth").write_bytes(MEGABYTE)
    call("store", "clean", "--out", store)
    assert (kept / "last.pth").is_file()
    told = json.loads(call("store", "clean", "--out", store, "--all", "--json").out)
    assert told["freed"] == [{"name": ".conflicts", "runs": 1, "bytes": 10**6}]
    assert [path.name for path in kept.iterdir()] == ["removed.json"]


def test_what_is_no_store_is_unusable_input(call, tmp_path):
    done = call("store", "clean", "--out", tmp_path / "none")
    assert done.status == 2
    assert "no such store" in done.err
