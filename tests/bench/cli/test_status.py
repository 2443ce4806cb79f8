import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from datetime import datetime, timezone
from functools import partial

import pytest

from noisyseg.bench.cli.status import age
from noisyseg.bench.runs.execution import _alone_in, announce
from noisyseg.bench.runs.heartbeat import Heartbeat
from noisyseg.bench.runs.journal import Journal
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
    assert f"{runs[0].key}  running  toy  ce  clean  seed 0\n    epoch 0.5/2, loss 1.250, " in shown
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


@pytest.mark.parametrize(
    ("node", "seconds", "state"),
    [("another", 5, "running"), ("another", 300, "waiting"), (None, 5, "waiting")],
)
def test_another_machines_run_is_heard_where_its_lock_is_not_seen(
    call, toy, tmp_path, node, seconds, state
):
    out = tmp_path / "runs"
    run = toy.expand(out)[0]
    announce(run)
    Heartbeat(run.folder, epochs=2).start(1)
    told = json.loads((run.folder / "progress.json").read_text())
    told |= {"time": time.time() - seconds, "node": node or told["node"]}
    (run.folder / "progress.json").write_text(json.dumps(told))
    (row,) = json.loads(call("status", "--out", out, "--json").out)["runs"]
    assert (row["status"], row["epoch"]) == (state, 1 if state == "running" else None)


def test_what_a_run_says_of_itself_is_in_the_document(call, toy, tmp_path, record_of):
    out = tmp_path / "runs"
    runs = toy.expand(out)
    for run in runs:
        announce(run)
    heartbeat = Heartbeat(runs[0].folder, epochs=2)
    heartbeat.start(0, images=80)
    heartbeat.training(0.5, 1.25)
    with _alone_in(runs[0].folder):
        rows = json.loads(call("status", "--out", out, "--json").out)["runs"]
    row = next(row for row in rows if row["key"] == runs[0].key)
    assert (row["stage"], row["device"], row["pid"]) == ("training", "cpu", os.getpid())
    assert row["images_per_second"] == pytest.approx(40 / row["step_seconds"])
    assert row["memory_bytes"] > 1e6
    assert time.time() - 60 < row["time"] <= time.time()
    assert row["silent_seconds"] is None
    other = next(row for row in rows if row["key"] == runs[1].key)
    assert other["node"] is other["time"] is other["memory_bytes"] is None


def test_a_kind_of_failure_is_said(call, toy, tmp_path, record_of):
    out = tmp_path / "runs"
    runs = toy.expand(out)
    record = record_of(runs[0], failure="loss became nan")
    fields = {k: v for k, v in record.items() if k not in ("format", "key", "checksum")}
    fields["failure"] = {**fields["failure"], "fault": "not finite"}
    _save(out, seal(fields))
    assert "\n    not finite: loss became nan\n" in call("status", "--out", out).out
    (row,) = json.loads(call("status", "--out", out, "--json").out)["runs"]
    assert (row["fault"], row["reason"]) == ("not finite", "loss became nan")


def watching(out, *words):
    """`status --watch` in a process of its own."""
    command = [sys.executable, "-m", "noisyseg.bench.cli", "status", "--out", str(out), "--watch"]
    heard = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    return subprocess.Popen(
        [*command, *words],
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=heard,  # a job in the background may have been told to ignore it
    )


def test_watching_off_a_terminal_prints_blocks_until_ctrl_c(toy, tmp_path, record_of):
    out = tmp_path / "runs"
    runs = toy.expand(out)
    for run in runs:
        announce(run)
    _save(out, record_of(runs[3]))
    heartbeat = Heartbeat(runs[0].folder, epochs=2)
    heartbeat.start(0, images=80)
    heartbeat.training(0.5, 1.25)
    with _alone_in(runs[0].folder), watching(out, "0.2") as watched:
        lines = [watched.stdout.readline() for _ in range(4)]
        heartbeat.evaluating()
        _save(out, record_of(runs[1]))
        while True:
            block = [watched.stdout.readline() for _ in range(4)]
            if "2 done" in block[0]:
                break
        watched.send_signal(signal.SIGINT)
        assert watched.wait(30) == 0
    assert re.fullmatch(r"2 waiting, 1 running, 1 done; about \d.* left\n", lines[0])
    assert lines[1].split()[:5] == ["run", "epoch", "loss", "images/s", "node"]
    assert lines[2].startswith("ce · clean · seed 0  0.5/2  1.250 ")
    assert lines[3] == "\n"
    assert block[0].startswith("1 waiting, 1 running, 2 done;")
    assert "evaluating" in block[2]
    assert "\x1b" not in "".join(lines + block)


def test_watching_on_a_terminal_redraws(toy, tmp_path):
    out = tmp_path / "runs"
    runs = toy.expand(out)
    for run in runs:
        announce(run)
    Heartbeat(runs[0].folder, epochs=2).evaluating()
    terminal, own = pty.openpty()
    command = [sys.executable, "-m", "noisyseg.bench.cli", "status", "--out", str(out), "--watch"]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "80", "LINES": "24"}
    with _alone_in(runs[0].folder):
        heard = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
        watched = subprocess.Popen([*command, "0.1"], stdout=own, env=environment, preexec_fn=heard)
        os.close(own)
        shown = b""
        while shown.count(b"evaluating") < 3:
            shown += os.read(terminal, 10_000)
        watched.send_signal(signal.SIGINT)
        try:
            while more := os.read(terminal, 10_000):
                shown += more
        except OSError:  # the other end is closed
            pass
        assert watched.wait(30) == 0
    os.close(terminal)
    assert b"3 waiting, 1 running, 0 done" in shown
    assert b"\x1b[1A" in shown, "it goes up and draws over what it drew"
    assert shown.rstrip().endswith(b"\x1b[?25h"), "the cursor is back"


def test_watching_as_json_is_a_document_a_line(tmp_path):
    (tmp_path / "runs").mkdir()
    with watching(tmp_path / "runs", "0.1", "--json") as watched:
        documents = [json.loads(watched.stdout.readline()) for _ in range(3)]
        watched.send_signal(signal.SIGINT)
        assert watched.wait(30) == 0
    assert documents == [{"runs": [], "problems": []}] * 3


@pytest.mark.parametrize("words", [("--watch", "0"), ("--watch", "nan"), ("--watch", "--events")])
def test_watching_in_another_way_is_refused(call, tmp_path, words):
    assert call("status", *words).status == 2


def test_the_journal_is_told_in_words(call, tmp_path):
    out = tmp_path / "runs"
    out.mkdir()
    assert "no driver has written a journal" in call("status", "--out", out, "--events").err
    journal = Journal(out)
    for number in range(30):
        journal.tell("begun", key=f"k{number}", label=f"ce · seed {number}", node="gpu-1")
    lines = call("status", "--out", out, "--events").out.splitlines()
    assert len(lines) == 20
    assert lines[-1].endswith("  ce · seed 29: begun on gpu-1")
    (last,) = json.loads(call("status", "--out", out, "--events", "1", "--json").out)["events"]
    assert last["key"] == "k29"
