"""`store merge`: what it says and how it ends; what it does is tested in `runs`."""

import json
import shutil
from pathlib import Path

import pytest

HELD = Path(__file__).parents[3] / "held" / "store"
NOISY = "shapes/lncis/2dc59a12c357a8da"


@pytest.fixture
def stores(tmp_path):
    """A lacks a run that B has."""
    a, b = (shutil.copytree(HELD, tmp_path / name) for name in ("a", "b"))
    shutil.rmtree(a / NOISY)
    return a, b


def test_two_stores_become_one(call, stores):
    a, b = stores
    done = call("store", "merge", a, b)
    assert done.status == 0, done.err
    assert f"copied  {NOISY}\n" in done.out
    assert "copied 1, there already 1, running 0, conflicts 0, problems 0; " in done.out
    assert "tables, figures and reports are as they were" in done.err
    listed = json.loads(call("status", "--out", a, "--json").out)
    assert [run["status"] for run in listed["runs"]] == ["done", "done"]
    again = json.loads(call("store", "merge", a, b, "--json").out)
    assert (again["copied"], again["present"]) == ([], 2)


def test_a_conflict_is_named_and_told_by_the_exit_status(call, stores):
    a, b = stores
    (b / ".annotations/1e5b5c672700f16b/eval.json").write_bytes(b"{}")
    done = call("store", "merge", a, b)
    assert done.status == 1
    assert "CONFLICT .annotations/1e5b5c672700f16b/eval.json: other bytes in " in done.out


def test_what_is_no_store_is_unusable_input(call, stores, tmp_path):
    done = call("store", "merge", tmp_path / "none", stores[1])
    assert done.status == 2
    assert f"no such store: {tmp_path / 'none'}" in done.err
    assert not (tmp_path / "none").exists()
