"""The page on clusters and its templates: commands that the program takes, scripts that hold."""

import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
import yaml
from shown.commands import calls, refusal

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "cluster.md"
TEMPLATES = ROOT / "examples" / "cluster"
SCRIPTS = sorted(TEMPLATES.glob("*.sh"))


def commands_of(path):
    """The calls of noisyseg in a file, with the values of the script's variables."""
    text = path.read_text()
    if path.suffix == ".yaml":
        text = yaml.safe_load(text)["spec"]["entrypoint"]
    return calls(text)


COMMAND_LINES = [
    pytest.param(words, id=f"{path.name}: {' '.join(words[1:])}")
    for path in [*SCRIPTS, TEMPLATES / "kuberay.yaml"]
    for words in commands_of(path)
]


def test_every_template_calls_the_program():
    ids = " ".join(str(entry.id) for entry in COMMAND_LINES)
    for name in ("slurm_array.sh", "slurm_ray.sh", "gnu_parallel.sh", "ray_start.sh"):
        assert f"{name}: run" in ids
    assert "kuberay.yaml: run" in ids


@pytest.mark.parametrize("words", COMMAND_LINES)
def test_a_command_is_one_that_the_program_takes(words):
    assert refusal(words) is None


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_a_script_is_a_shell_s(path):
    subprocess.run(["bash", "-n", str(path)], check=True)
    if shutil.which("shellcheck"):
        subprocess.run(["shellcheck", str(path)], check=True)
    assert path.name in PAGE.read_text()


def test_parts_are_as_many_as_the_array_has_tasks():
    text = (TEMPLATES / "slurm_array.sh").read_text()
    (last,) = re.findall(r"^#SBATCH --array=1-(\d+)$", text, re.M)
    assert re.findall(r"^PARTS=(\d+)$", text, re.M) == [last]


def test_every_file_that_the_page_names_is_there():
    names = re.findall(r"\]\(\.\./([\w./]+)\)|(examples/[\w./]+)", PAGE.read_text())
    assert len(names) > 5
    assert [name for pair in names for name in pair if name and not (ROOT / name).exists()] == []


def test_the_job_of_kubernetes_has_what_is_needed_on_every_machine():
    job = yaml.safe_load((TEMPLATES / "kuberay.yaml").read_text())
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    cluster = job["spec"]["rayClusterSpec"]
    assert cluster["authOptions"] == {"mode": "token"}
    (workers,) = cluster["workerGroupSpecs"]
    groups = {"head": cluster["headGroupSpec"], "workers": workers}
    for name, group in groups.items():
        pod = group["template"]["spec"]
        (container,) = pod["containers"]
        mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
        volumes = {volume["name"] for volume in pod["volumes"]}
        assert set(mounts) >= {"/data", "/runs"}, name
        assert set(mounts.values()) == volumes
        assert container["resources"]["limits"] == container["resources"]["requests"]
    assert "/dev/shm" in mounts
    (drain,) = container["env"]
    assert drain["name"] == "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S"
    assert int(drain["value"]) < pod["terminationGracePeriodSeconds"]
    # Ray is of the version that the page's image has.
    assert f"rayproject/ray:{cluster['rayVersion']}-" in PAGE.read_text()


NOISYSEG = """#!/bin/bash
# Works until it is told to stop, and says how.
trap 'echo stopped >> "$MARKS"; exit 143' TERM
echo "$@" >> "$MARKS"
if [ "${ENDS:-}" ]; then exit "$ENDS"; fi
while :; do sleep 0.05; done
"""
SCONTROL = """#!/bin/bash
echo "scontrol $*" >> "$MARKS"
"""


@pytest.fixture
def task(tmp_path):
    """Starts the array's third task with programs that stand in; its process, and what they did."""
    for name, text in (("noisyseg", NOISYSEG), ("scontrol", SCONTROL)):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    marks = tmp_path / "marks"
    variables = {
        "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}",
        "MARKS": str(marks),
        "HOME": str(tmp_path),
        "SLURM_ARRAY_TASK_ID": "3",
        "SLURM_JOB_ID": "77",
    }

    def start(**more):
        command = ["bash", str(TEMPLATES / "slurm_array.sh")]
        return subprocess.Popen(command, env=os.environ | variables | more, cwd=tmp_path)

    def done():
        return marks.read_text().splitlines() if marks.exists() else []

    return start, done


CALLED = "run paper-table1-voc --data-root {0}/data --out {0}/runs --shard 3/8"


@pytest.mark.parametrize(
    ("sent", "then"),
    [(signal.SIGUSR1, ["stopped", "scontrol requeue 77"]), (signal.SIGTERM, ["stopped"])],
)
def test_a_task_whose_time_is_over_is_put_back_and_one_that_is_cancelled_is_not(
    task, tmp_path, sent, then
):
    start, done = task
    with start() as process:
        deadline = time.monotonic() + 20
        while not done() and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(sent)
        assert process.wait(20) == 143
    assert done() == [CALLED.format(tmp_path), *then]


@pytest.mark.parametrize("status", ["0", "1"])
def test_a_task_ends_as_its_part_did(task, tmp_path, status):
    start, done = task
    with start(ENDS=status) as process:
        assert process.wait(20) == int(status)
    assert done() == [CALLED.format(tmp_path)]
