import json
import re
from datetime import datetime, timezone

import pytest

from noisyseg.bench.cli.status import age
from noisyseg.bench.runs.execution import _alone_in, announce
from noisyseg.bench.runs.heartbeat import Heartbeat
from noisyseg.results.records.noise_name import noise_name
from noisyseg.results.records.record import seal
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
    assert f"{runs[0].key}  done  toy  ce  clean  seed 0  " in done.out
    (line,) = (line for line in done.out.splitlines() if line.startswith(runs[3].key))
    assert re.fullmatch(r"\w+  failed  toy  lncis  symmetric-0.4  seed 0  \d+ d ago", line)
    assert f"{line}\n    boom\n" in done.out
    assert "1 done, 1 failed, 0 running, 0 waiting in" in done.out
    assert done.out.endswith(f" {out}\n")
    listed = json.loads(call("status", "--out", out, "--json").out)
    assert {row["key"]: row["mask_ap"] for row in listed["runs"]} == {
        runs[0].key: 50.0,
        runs[3].key: None,
    }
    assert len(listed["problems"]) == 1


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("metrics", {}),
        ("metrics", {"segm": None}),
        ("metrics", {"segm": {"AP": 10**400}}),
        ("noise", {}),
        ("noise", {"steps": [3], "seed": 0}),
        ("protocol", {"name": "toy"}),
        ("data", {"name": "toy", "classes": 10**30}),
    ],
)
def test_status_goes_on_beside_a_record_of_another_kind(
    call, toy, tmp_path, record_of, part, value
):
    out = tmp_path / "runs"
    runs = toy.expand(out)
    fields = {k: v for k, v in record_of(runs[1]).items() if k not in ("format", "key", "checksum")}
    if part == "metrics":
        fields[part] = value
    else:
        fields["spec"] = {**fields["spec"], part: value}
    _save(out, record_of(runs[0]), seal(fields))
    done = call("status", "--out", out)
    assert done.status == 0
    assert f"{runs[0].key}  done" in done.out


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
    assert f"{runs[0].key}  running  toy  ce  clean  seed 0\n    epoch 0.5 of 2\n" in shown
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


def test_runs_that_differ_in_seeds_alone_are_one_line(call, toy, tmp_path, record_of):
    toy.suite |= {"seeds": [0, 1, 2, 3, 7], "methods": {"ce": None, "g": {"name": "gce"}}}
    toy.write()
    out = tmp_path / "runs"
    runs = toy.expand(out)
    reasons = {1: "boom", 7: "boom", 3: "other"}
    for run in runs:
        failed = run.method_label == "g" and run.noise_label == "clean"
        _save(out, record_of(run, failure=reasons.get(run.seed) if failed else None))
    lines = call("status", "--out", out).out.splitlines()
    told = [re.sub(r"^\w{16}|  \d+ d ago", "", line) for line in lines]
    assert sorted(told[:8]) == sorted(
        [
            " +4  done  toy  ce  clean  seeds 0–3, 7",
            " +4  done  toy  ce  symmetric-0.4  seeds 0–3, 7",
            " +4  done  toy  gce  symmetric-0.4  seeds 0–3, 7",
            " +1  done  toy  gce  clean  seeds 0, 2",
            " +1  failed  toy  gce  clean  seeds 1, 7",
            "    boom",
            "  failed  toy  gce  clean  seed 3",
            "    other",
        ]
    )
    assert lines[8].startswith("17 done, 3 failed, 0 running, 0 waiting in")
    listed = json.loads(call("status", "--out", out, "--json").out)["runs"]
    assert len(listed) == 20
    assert {row["ended"] for row in listed} == {"2025-01-02T03:04:06Z"}
    assert {row["noise_seed"] for row in listed} == {None, 0, 1, 2, 3, 7}


def test_other_parameters_are_another_line(call, toy, tmp_path, record_of):
    toy.suite |= {"methods": {"a": {"name": "gce", "q": 0.3}, "b": {"name": "gce", "q": 0.5}}}
    toy.write()
    out = tmp_path / "runs"
    _save(out, *map(record_of, toy.expand(out)))
    assert call("status", "--out", out).out.count("  toy  gce  ") == 4


@pytest.mark.parametrize(
    ("ended", "text"),
    [
        ("2026-03-01T12:00:00Z", "now"),
        ("2026-03-01T11:58:59.5Z", "1 min ago"),
        ("2026-03-01T09:59:00+00:00", "2 h ago"),
        ("2026-02-26T11:00:00Z", "3 d ago"),
        ("2026-03-01T13:00:00Z", "now"),  # another machine's clock
    ],
)
def test_ages(ended, text):
    assert age(ended, datetime(2026, 3, 1, 12, tzinfo=timezone.utc)) == text


def test_status_of_a_store_without_runs(call, tmp_path):
    (tmp_path / "none").mkdir()
    counts = "0 done, 0 failed, 0 running, 0 waiting"
    done = call("status", "--out", tmp_path / "none")
    assert (done.status, done.out.split()) == (0, f"{counts} in {tmp_path / 'none'}".split())
    assert json.loads(call("status", "--out", tmp_path / "none", "--json").out)["runs"] == []
