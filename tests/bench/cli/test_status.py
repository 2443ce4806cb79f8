import json

import pytest

from noisyseg.bench.runs.execution import _alone_in, announce
from noisyseg.bench.runs.heartbeat import Heartbeat
from noisyseg.results.records.noise_name import noise_name
from noisyseg.results.records.store import RunStore


def _save(out, *records):
    for record in records:
        RunStore(out).save(record)


def test_status_names_every_run_and_every_reason(call, toy, tmp_path, record_of):
    out = tmp_path / "runs"
    runs = toy.expand(out)
    _save(out, record_of(runs[0], average=50.0), record_of(runs[3], failure="boom"))
    path = RunStore(out).save(record_of(runs[1]))
    path.write_text("{")
    done = call("status", "--out", out)
    assert done.status == 0
    assert str(path) in done.err
    assert f"{runs[0].key}  done  toy  ce  clean" in done.out
    assert f"{runs[3].key}  failed  toy  lncis  symmetric-0.4\n    boom" in done.out
    assert "1 done, 1 failed, 0 running, 0 waiting in" in done.out
    assert done.out.endswith(f" {out}\n")
    listed = json.loads(call("status", "--out", out, "--json").out)
    assert {row["key"]: row["mask_ap"] for row in listed["runs"]} == {
        runs[0].key: 50.0,
        runs[3].key: None,
    }
    assert len(listed["problems"]) == 1


@pytest.mark.parametrize(
    ("noise", "name"),
    [
        ({"type": "symmetric", "rate": 0.4}, "symmetric-0.4"),
        ([{"type": "symmetric", "rate": 1}] * 2, "symmetric-1+symmetric-1"),
        ({"type": "matrix", "matrix": {c: {c: 1} for c in ("fox", "cat", "dog")}}, "matrix"),
    ],
)
def test_noise_is_named_by_its_types_and_rates(toy, tmp_path, noise, name):
    toy.suite["noise"] = {"clean": None, "some": noise}
    toy.write()
    names = {run.noise_label: noise_name(run.spec["noise"]) for run in toy.expand(tmp_path / "r")}
    assert names == {"clean": "clean", "some": name}


def test_status_tells_running_from_waiting_runs(call, toy, tmp_path, record_of):
    out = tmp_path / "runs"
    runs = toy.expand(out)
    for run in runs:
        announce(run)
    _save(out, record_of(runs[2], failure="boom"))
    heartbeat = Heartbeat(runs[0].folder, epochs=2)
    heartbeat.start(0)
    heartbeat.training(0.5, 1.25)
    with _alone_in(runs[0].folder), _alone_in(runs[2].folder):
        listed = json.loads(call("status", "--out", out, "--json").out)["runs"]
        shown = call("status", "--out", out).out
    found = {row["key"]: (row["status"], row["epoch"], row["epochs"]) for row in listed}
    assert found == {
        runs[0].key: ("running", 0.5, 2),
        runs[1].key: ("waiting", None, 2),
        runs[2].key: ("running", None, 2),  # once more after its failure
        runs[3].key: ("waiting", None, 2),
    }
    assert f"{runs[0].key}  running  toy  ce  clean\n    epoch 0.5 of 2\n" in shown
    # Killed: nobody holds the folders any more, whatever the last heartbeat said.
    after = json.loads(call("status", "--out", out, "--json").out)["runs"]
    assert {row["key"]: row["status"] for row in after} == {
        runs[0].key: "waiting",
        runs[1].key: "waiting",
        runs[2].key: "failed",
        runs[3].key: "waiting",
    }


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b'{"data": {"name": "toy"}}'])
def test_status_names_a_spec_that_is_none(call, toy, tmp_path, content):
    out = tmp_path / "runs"
    runs = toy.expand(out)
    announce(runs[0])
    announce(runs[1])
    path = runs[1].folder / "spec.json"
    path.write_bytes(content)
    done = call("status", "--out", out)
    assert done.status == 0
    assert f"{path}: not a run's spec" in done.err
    assert f"{runs[0].key}  waiting" in done.out


def test_status_of_a_folder_that_is_not_there(call, tmp_path):
    done = call("status", "--out", tmp_path / "none")
    counts = "0 done, 0 failed, 0 running, 0 waiting"
    assert (done.status, done.out.split()) == (0, f"{counts} in {tmp_path / 'none'}".split())
    assert json.loads(call("status", "--out", tmp_path / "none", "--json").out)["runs"] == []
    assert not (tmp_path / "none").exists()
