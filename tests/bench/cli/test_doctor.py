import json
import os
import socket
import subprocess
import sys
from dataclasses import replace

import pytest

from noisyseg.bench.doctor import checks
from noisyseg.bench.doctor.finding import ok, problem, warning

# All but what is looked at of the machine: torch takes seconds.
PROGRAM = """
import sys
from noisyseg.bench.cli.command_line import main
from noisyseg.bench.doctor import checks
checks.machine_checks = lambda: []
sys.exit(main(sys.argv[1:]))
"""
GOOD = ok("torch", "2.9")
MEH = warning("clock", "3 s ahead", "timedatectl set-ntp true")
BAD = problem("data", "no folder", "rsync -a x y")


@pytest.fixture
def finds(monkeypatch):
    """Makes these findings all that there are."""
    return lambda *found: monkeypatch.setattr(
        checks, "_checks", lambda *_: [("all", lambda: found)]
    )


@pytest.mark.parametrize(
    ("found", "status", "last"),
    [
        ([GOOD], 0, "no problems, no warnings"),
        ([GOOD, MEH], 0, "no problems, 1 warning"),
        ([BAD, GOOD, MEH, MEH], 2, "1 problem, 2 warnings"),
    ],
)
def test_the_status_and_the_last_line_say_whether_anything_is_a_problem(
    call, finds, found, status, last
):
    finds(*found)
    done = call("doctor")
    assert (done.status, done.err) == (status, "")
    assert done.out.splitlines()[-1] == last


def test_a_finding_is_a_line_and_what_mends_it_another(call, finds):
    finds(GOOD, BAD)
    assert call("doctor").out.splitlines()[:3] == [
        "ok       torch: 2.9",
        "problem  data: no folder",
        "           mend: rsync -a x y",
    ]


def test_what_is_well_on_a_node_is_one_line(call, finds):
    finds(*(replace(one, node="n1") for one in (GOOD, BAD, GOOD)), replace(MEH, node="n2"))
    lines = [line for line in call("doctor").out.splitlines() if "mend" not in line]
    assert lines == [
        "problem  n1: data: no folder",
        "ok       n1: torch, torch",
        "warning  n2: clock: 3 s ahead",
        "1 problem, 1 warning",
    ]


def test_json_has_every_finding(call, finds):
    finds(GOOD, BAD)
    done = call("doctor", "--json")
    document = json.loads(done.out)
    assert document["findings"][1] == {
        "name": "data",
        "level": "problem",
        "text": "no folder",
        "mend": "rsync -a x y",
        "node": "",
    }
    assert (document["problems"], document["warnings"], done.status) == (1, 0, 2)


def called(folder, *words, **variables):
    """The command in a process of its own, where Ray is; status and findings by name."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, "doctor", *words, "--json"],
        cwd=folder,
        env=os.environ | {"OMP_NUM_THREADS": "1"} | variables,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.stdout, done.stderr
    return done.returncode, {row["name"]: row for row in json.loads(done.stdout)["findings"]}


def test_an_address_at_which_nothing_listens_is_a_problem(tmp_path):
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{bound.getsockname()[1]}"
        status, rows = called(tmp_path, "--address", address)
    assert status == 2
    assert f"no Ray cluster could be reached at {address}" in rows["nodes"]["text"]
    assert rows["nodes"]["mend"] == f"ray status --address {address}"


def test_a_private_ray_is_tried_and_nothing_stays(tmp_path):
    before = set(os.listdir("/dev/shm"))
    status, rows = called(tmp_path, "quick", TMPDIR=str(tmp_path), RAY_TMPDIR="/dev/shm")
    assert rows["Ray"]["level"] == "ok", rows["Ray"]["text"]
    assert f"with {len(os.sched_getaffinity(0))} CPUs" in rows["Ray"]["text"]
    assert rows["Ray"]["text"].endswith("sockets below /dev/shm, by RAY_TMPDIR")
    assert rows["data of quick"]["level"] == "ok"
    assert [row for row in rows.values() if row["level"] == "problem"] == []
    assert status == 0
    assert os.listdir(tmp_path) == []
    assert {name for name in os.listdir("/dev/shm") if name.startswith("ray-")} <= before


def test_a_folder_that_ray_cannot_use_is_a_problem(call, tmp_path, monkeypatch):
    monkeypatch.setattr(checks, "machine_checks", lambda: [])
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path / ("long" * 30)))
    rows = {row["name"]: row for row in json.loads(call("doctor", "--json").out)["findings"]}
    assert rows["Ray"]["level"] == "problem"
    assert rows["Ray"]["mend"].startswith("export RAY_TMPDIR=/tmp")


def test_a_ray_that_wants_a_token_is_said_to_in_place_of_a_traceback(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = f"127.0.0.1:{listening.getsockname()[1]}"
        variables = {"HOME": str(tmp_path), "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": ""}
        status, rows = called(tmp_path, "--address", address, **variables)
    assert status == 2
    assert "authentication token" in rows["nodes"]["text"]
    assert "RAY_AUTH_MODE=token" in rows["nodes"]["text"]
    assert rows["nodes"]["mend"] == "export RAY_AUTH_MODE=token"
