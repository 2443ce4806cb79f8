import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from noisyseg.bench.cluster.node_answers import NodeAnswer
from noisyseg.bench.doctor import nodes, storage
from noisyseg.bench.doctor.finding import ok
from noisyseg.bench.doctor.nodes import Question, Told, differences, of_node, told_by_node
from noisyseg.bench.doctor.suite_inputs import Place

PLACE = Place(None, Path("runs"))


def told(**changed):
    usual = {"findings": [], "versions": {}, "gpus": 0, "sees_out": True, "lock": "refused"}
    return Told(**{**usual, "lacking": [], **changed})


def found(value=None, **answer):
    given = of_node(NodeAnswer(node="n1 (10.0.0.1)", value=value, **answer), PLACE)
    return {one.name: one for one in given}


def test_what_a_node_found_has_its_name():
    given = found(told(findings=[ok("torch", "2.9")]))
    assert given["torch"].node == "n1 (10.0.0.1)"
    assert given["torch"].text == "2.9"


def test_a_node_that_has_another_noisyseg_or_none_is_a_problem():
    given = found(problem="a worker has another noisyseg", mend="pip install noisyseg==1")
    assert given["noisyseg"].level == "problem"
    assert given["noisyseg"].mend == "pip install noisyseg==1"


@pytest.mark.parametrize(
    ("ahead", "level", "text"),
    [
        (0.0, "ok", "as here"),
        (-1.9, "ok", "as here"),
        (3.25, "warning", "3.2 s ahead of this machine's"),
        (-60.0, "warning", "60.0 s behind this machine's"),
    ],
)
def test_a_clock_that_differs_is_warned_of(ahead, level, text):
    clock = found(told(), ahead=ahead)["clock"]
    assert (clock.level, clock.text) == (level, text)


def test_results_come_back_from_a_node_that_does_not_see_their_folder():
    given = found(told(sees_out=False, lock=""))["results"]
    assert given.level == "ok"
    assert "comes back through Ray" in given.text


def test_locks_that_do_not_reach_a_node_are_warned_of():
    assert found(told())["results"].level == "ok"
    given = found(told(lock="given"))["results"]
    assert given.level == "warning"
    assert "was given" in given.text


def test_data_that_a_node_lacks_are_a_problem_with_the_command_that_copies_them():
    given = found(told(lacking=[Path("/data/my coco")]))["data"]
    assert given.level == "problem"
    assert given.mend == "rsync -a '/data/my coco' n1:'/data/my coco'"


@pytest.mark.parametrize(
    ("given", "there", "level"),
    [(2.0, 2, None), (1.0, 2, "warning"), (2.0, 0, "problem")],
)
def test_gpus_that_ray_counts_otherwise_than_torch(given, there, level):
    counted = found(told(gpus=there), gpus=given).get("GPUs of Ray")
    assert (counted and counted.level) == level


def test_versions_that_differ_between_nodes_are_a_problem_that_names_the_rarer():
    same = {"torch": "2.9", "numpy": "2.2"}
    (only,) = differences({"a": same, "b": same})
    assert only.level == "ok"
    assert list(differences({"a": same})) == []
    (one,) = differences({"a": same, "b": {**same, "torch": "2.8"}, "c": same})
    assert one.level == "problem"
    assert one.text == "2.9 on most nodes, but 2.8 on b"
    assert one.mend == "pip install torch==2.9  # there"
    (one,) = differences({"a": same, "b": {"numpy": "2.2"}, "c": same})
    assert "none on b" in one.text


@pytest.fixture
def nothing_else(monkeypatch):
    """Leaves the machine's own checks out."""
    monkeypatch.setattr(nodes, "machine_checks", lambda: [])


@pytest.mark.usefixtures("nothing_else")
def test_a_node_reads_the_token_and_misses_what_is_not_as_here(tmp_path):
    file = tmp_path / "token"
    file.write_text("t")
    (tmp_path / "weights.pth").write_bytes(b"12")
    inputs = (
        (tmp_path, None),
        (tmp_path / "weights.pth", 2),
        (tmp_path / "weights.pth", 3),  # cut short
        (tmp_path / "absent", None),
    )
    with storage.locked(file):
        seen = told_by_node(Question(token=("t", file), inputs=inputs))
    assert (seen.sees_out, seen.lock) == (True, "refused")
    assert seen.lacking == [tmp_path / "weights.pth", tmp_path / "absent"]
    assert [one.name for one in seen.findings] == ["free space"]
    other = told_by_node(Question(token=("another", file), inputs=()))
    assert (other.sees_out, other.lock) == (False, "")


def test_the_token_lies_in_the_folder_of_runs_while_nodes_are_asked(tmp_path):
    with nodes._asking(tmp_path, [tmp_path]) as question:
        token, file = question.token
        assert file.read_text() == token
        assert tmp_path in file.parents
        assert storage.asked_for(file) == "refused"
        assert question.inputs == ((tmp_path, None),)
    assert os.listdir(tmp_path) == []


CLUSTER = """
import os, sys
os.environ["RAY_AUTH_MODE"] = "disabled"
from ray.cluster_utils import Cluster
from noisyseg.bench.cli.command_line import main
cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
cluster.add_node(num_cpus=1, num_gpus=1)
status = main(["doctor", "small", "--out", sys.argv[1], "--address", cluster.address, "--json"])
cluster.shutdown()
sys.exit(status)
"""


@pytest.mark.long
def test_every_node_of_a_cluster_is_asked(tmp_path):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("RAY_")}
    done = subprocess.run(
        [sys.executable, "-c", CLUSTER, str(tmp_path / "runs")],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 2, done.stderr  # for the GPU that is none
    rows = json.loads(done.stdout)["findings"]
    names = {row["node"] for row in rows if row["node"]}
    assert len(names) == 2
    for name in names:
        of_it = {row["name"]: row for row in rows if row["node"] == name}
        assert of_it["clock"]["level"] == of_it["torch"]["level"] == "ok"
        assert "and so are its locks" in of_it["results"]["text"]
    (bad,) = [row for row in rows if row["level"] == "problem"]
    assert (bad["name"], bad["text"]) == ("GPUs of Ray", "Ray gives out 1 GPUs, torch sees 0")
    assert {"name": "versions between nodes", "level": "ok"}.items() <= rows[-1].items()
    assert os.listdir(tmp_path) == []
