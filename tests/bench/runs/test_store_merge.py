"""Two stores become one: nothing is overwritten, nothing is lost, and a stopped merge goes on."""

import fcntl
import json
import shutil
from pathlib import Path

import pytest

from noisyseg.bench.runs import store_merge, verified_copy
from noisyseg.bench.runs.state import run_states
from noisyseg.bench.runs.store_merge import merge_stores
from noisyseg.errors import InputError
from noisyseg.results.records.record import seal
from noisyseg.results.records.store import RunStore

HELD = Path(__file__).parents[2] / "held" / "store"
NOISY, CLEAN = "shapes/lncis/2dc59a12c357a8da", "shapes/lncis/1726e3c47f19a026"
REASON = {"type": "RuntimeError", "message": "boom", "log": "run.log"}


@pytest.fixture
def stores(tmp_path):
    """A has the clean run, B both."""
    a, b = (shutil.copytree(HELD, tmp_path / name) for name in ("a", "b"))
    shutil.rmtree(a / NOISY)
    shutil.rmtree(a / ".annotations" / "c1c5f4c76cfbcfaf")
    return a, b


def contents(root):
    """Path → bytes of every file; locks hold nothing."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def with_record(root, run, **changes):
    """The run's record with other fields, sealed; its metrics may be changed."""
    path = root / run / "record.json"
    record = json.loads(path.read_text())
    fields = {k: v for k, v in record.items() if k not in ("format", "key", "checksum")}
    RunStore(root).save(seal({**fields, **changes}))
    return json.loads(path.read_text())


def fail(root, run):
    with_record(root, run, status="failed", metrics=None, failure=REASON)


def metrics_with(root, run, average):
    metrics = json.loads((root / run / "record.json").read_text())["metrics"]
    return {**metrics, "segm": {**metrics["segm"], "AP": average}}


def test_what_a_lacks_is_copied_and_b_is_only_read(stores):
    a, b = stores
    before = contents(b)
    merge = merge_stores(a, b)
    assert (merge.copied, merge.present, merge.files) == ([NOISY], 1, 2)
    assert (merge.skipped, merge.conflicts, merge.problems) == ([], [], [])
    assert merge.is_clean
    assert contents(b) == before
    assert contents(a) == before == contents(HELD)
    again = merge_stores(a, b)
    assert (again.copied, again.present, again.files) == ([], 2, 0)
    assert contents(a) == before


@pytest.mark.parametrize("theirs", ["done", "failed", "waiting"])
@pytest.mark.parametrize("ours", ["done", "failed", "waiting", "missing"])
def test_done_beats_failed_beats_waiting_beats_missing(stores, ours, theirs):
    a, b = stores
    if ours != "missing":
        shutil.copytree(HELD / NOISY, a / NOISY)
    for root, state in ((a, ours), (b, theirs)):
        if state == "failed":
            fail(root, NOISY)
        if state == "waiting":
            (root / NOISY / "record.json").unlink()
    mine = contents(a)
    merge = merge_stores(a, b)
    order = ["missing", "waiting", "failed", "done"]
    (state,) = (run.state for run in run_states(RunStore(a))[0] if run.key in NOISY)
    assert state == max(ours, theirs, key=order.index)
    taken = order.index(theirs) > order.index(ours)
    assert merge.copied == [NOISY] * taken
    assert merge.is_clean
    if not taken:
        assert {name: content for name, content in contents(a).items() if NOISY in name} == {
            name: content for name, content in mine.items() if NOISY in name
        }


@pytest.mark.parametrize("left", ["checkpoints/last.pth", "trained.json"])
def test_a_failure_elsewhere_does_not_replace_training_that_goes_on(stores, left):
    a, b = stores
    shutil.copytree(HELD / NOISY, a / NOISY)
    (a / NOISY / "record.json").unlink()
    fail(b, NOISY)
    for root, text in ((a, "epoch 8"), (b, "epoch 1")):
        (root / NOISY / left).parent.mkdir(exist_ok=True)
        (root / NOISY / left).write_text(text)
    mine = contents(a / NOISY)
    merge = merge_stores(a, b)
    assert (merge.copied, merge.present) == ([], 2)
    assert contents(a / NOISY) == mine


def test_two_done_records_that_differ_are_both_kept(stores):
    a, b = stores
    theirs = with_record(b, CLEAN, metrics=metrics_with(b, CLEAN, 99.5))
    mine, before = contents(a), contents(b)
    merge = merge_stores(a, b)
    assert not merge.is_clean
    (line,) = merge.conflicts
    kept = f".conflicts/{CLEAN}/{theirs['checksum'][:8]}"
    assert line.startswith(f"{CLEAN}: done in both, with other numbers: metrics.segm.AP ")
    assert "99.5 there" in line
    assert line.endswith(str(a / kept))
    after = contents(a)
    assert {name: after[name] for name in mine} == mine
    for name, content in before.items():
        if name.startswith(CLEAN):
            assert after[name.replace(CLEAN, kept)] == content
    assert contents(b) == before
    # It is no run of this store, and a second call says the same.
    assert len(run_states(RunStore(a))[0]) == 2
    assert merge_stores(a, b).conflicts == merge.conflicts
    assert contents(a) == after


def test_the_same_numbers_of_two_trainings_are_a_conflict_too(stores):
    a, b = stores
    with_record(b, CLEAN, environment={"device": "another"})
    (line,) = merge_stores(a, b).conflicts
    assert "with the same numbers, but of two trainings" in line


def test_shared_files_that_differ_are_named_and_both_kept(stores):
    a, b = stores
    file = ".annotations/1e5b5c672700f16b/eval.json"
    (b / file).write_bytes(b"{}")
    (b / ".annotations/1e5b5c672700f16b/checked.json").write_bytes(b"of another version")
    mine = contents(a)
    merge = merge_stores(a, b)
    (line,) = merge.conflicts
    assert line.startswith(f"{file}: other bytes in {b / file}; kept as ")
    assert Path(line.rpartition(" kept as ")[2]).read_bytes() == b"{}"
    after = contents(a)
    assert {name: after[name] for name in mine} == mine


def test_a_damaged_run_is_not_taken_over(stores):
    a, b = stores
    with (b / NOISY / "predictions.json.zst").open("ab") as file:
        file.write(b"x")
    merge = merge_stores(a, b)
    (line,) = merge.problems
    assert line.startswith(f"{NOISY}: not taken over: ")
    assert "predictions.json.zst is not what its record says" in line
    assert not (a / NOISY).exists()
    with (b / NOISY / "record.json").open("ab") as file:
        file.write(b"x")
    (line,) = merge_stores(a, b).problems
    assert f"{b / NOISY / 'record.json'}: not a valid record" in line


def test_a_damaged_record_is_set_aside_before_a_good_one_comes(stores):
    a, b = stores
    (a / CLEAN / "record.json").write_text("{")
    merge = merge_stores(a, b)
    assert CLEAN in merge.copied
    assert (a / CLEAN / "record.json").read_bytes() == (b / CLEAN / "record.json").read_bytes()
    assert (a / CLEAN / "record.json.corrupt-1").read_text() == "{"
    assert any("not a valid record" in line for line in merge.problems)


def test_a_file_that_one_of_equal_runs_lacks_is_filled_in(stores):
    a, b = stores
    (a / CLEAN / "log.jsonl").unlink()
    merge = merge_stores(a, b)
    assert merge.copied == [CLEAN, NOISY]
    assert contents(a) == contents(b)
    (a / CLEAN / "log.jsonl").write_text("another")
    (line,) = merge_stores(a, b).problems
    assert "log.jsonl is not what its record says" in line
    assert (a / CLEAN / "log.jsonl").read_text() == "another"


@pytest.mark.parametrize("busy", [0, 1])
def test_a_run_that_a_process_works_on_is_left_alone(stores, busy):
    a, b = stores
    shutil.copytree(HELD / NOISY, a / NOISY)
    fail(a, NOISY)
    with (stores[busy] / NOISY / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        merge = merge_stores(a, b)
    assert (merge.skipped, merge.copied) == ([NOISY], [])
    assert merge_stores(a, b).copied == [NOISY]
    assert not (a / NOISY / "progress.json").exists()


@pytest.mark.parametrize("after", range(8))
def test_a_merge_that_is_stopped_leaves_two_stores_and_goes_on(stores, monkeypatch, after):
    a, b = stores
    before, count = contents(b), 0
    write = verified_copy.write_blocks_atomically

    def stopped(path, blocks):
        nonlocal count
        count += 1
        if count > after:
            next(iter(blocks))
            raise KeyboardInterrupt
        write(path, blocks)

    monkeypatch.setattr(verified_copy, "write_blocks_atomically", stopped)
    if after < 7:  # two annotation files, five of the run
        with pytest.raises(KeyboardInterrupt):
            merge_stores(a, b)
    else:
        merge_stores(a, b)
    monkeypatch.undo()
    states, problems = run_states(RunStore(a))
    assert problems == []
    done = {run.key for run in states if run.state == "done"}
    assert done == ({Path(CLEAN).name} if after < 7 else {Path(CLEAN).name, Path(NOISY).name})
    assert contents(b) == before
    merge_stores(a, b)
    assert contents(a) == before


def test_a_copy_that_does_not_read_back_is_no_copy(stores, monkeypatch):
    a, b = stores

    def flipped(path, blocks):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"".join(blocks)[:-1] + b"x")

    monkeypatch.setattr(verified_copy, "write_blocks_atomically", flipped)
    with pytest.raises(InputError, match="does not read back as it was written"):
        merge_stores(a, b)
    assert not (a / ".annotations" / "c1c5f4c76cfbcfaf" / "annotations.json").exists()


def note(root, cells, changes=None):
    entries = [
        {"method": method, "noise": "clean", "noise_seed": None, "train_seed": seed, "key": key}
        for method, seed, key in cells
    ]
    head = {"format": 1, "suite": "tiny", "variant": None, "definition": "d", "content": "c"}
    document = {**head, "cells": entries} | (changes or {})
    (root / "suites").mkdir(exist_ok=True)
    (root / "suites" / "tiny.json").write_text(json.dumps(document))


def test_notes_of_a_suite_have_the_cells_of_both(stores):
    a, b = stores
    note(b, [("ce", 0, "k0"), ("lncis", 0, "k2")])
    assert merge_stores(a, b).files == 3
    note(a, [("ce", 1, "k1"), ("lncis", 0, "k2")])
    assert merge_stores(a, b).files == 1
    document = json.loads((a / "suites" / "tiny.json").read_text())
    found = [(cell["method"], cell["train_seed"], cell["key"]) for cell in document["cells"]]
    assert found == [("ce", 0, "k0"), ("ce", 1, "k1"), ("lncis", 0, "k2")]
    assert merge_stores(a, b).files == 0


@pytest.mark.parametrize(
    ("cells", "changes"),
    [
        ([("ce", 0, "another")], {}),
        ([("ce", 1, "k1")], {"definition": "e"}),
        ([("ce", 1, "k1")], {"content": "of other data"}),
        ([], {"cells": 5}),
    ],
)
def test_notes_that_contradict_each_other_are_a_conflict(stores, cells, changes):
    a, b = stores
    note(a, [("ce", 0, "k0")])
    note(b, cells, changes)
    mine = (a / "suites" / "tiny.json").read_bytes()
    merge = merge_stores(a, b)
    (line,) = merge.conflicts
    assert line.startswith("suites/tiny.json: other bytes in ")
    assert (a / "suites" / "tiny.json").read_bytes() == mine


def test_what_is_no_store_is_refused(stores, tmp_path):
    a, b = stores
    (tmp_path / "empty").mkdir()
    for pair in ((a, tmp_path / "none"), (tmp_path / "none", b)):
        with pytest.raises(InputError, match="no such store"):
            merge_stores(*pair)
    for pair in ((a, tmp_path / "empty"), (tmp_path / "empty", b), (a, a / "shapes")):
        with pytest.raises(InputError, match="is no store: it has no run"):
            merge_stores(*pair)
    (tmp_path / "link").symlink_to(a)
    with pytest.raises(InputError, match="wanted two stores"):
        merge_stores(a, tmp_path / "link")
    assert not (tmp_path / "none").exists()
    assert list((tmp_path / "empty").iterdir()) == []
    assert store_merge.CONFLICTS not in {path.name for path in a.iterdir()}


def test_a_file_in_the_way_of_a_methods_folder_is_named(stores):
    a, b = stores
    shutil.rmtree(a / "shapes" / "lncis")
    (a / "shapes" / "ce" / "0123456789abcdef").mkdir(parents=True)
    (a / "shapes" / "ce" / "0123456789abcdef" / "spec.json").write_text("{}")
    (a / "shapes" / "lncis").write_text("")
    with pytest.raises(InputError, match=r"shapes/lncis is a file: wanted a folder of runs there"):
        merge_stores(a, b)
