"""The main job as a user starts it: real processes, Ray and Mask R-CNN, killed and resumed."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).parents[2]
SUITE = """
name: tiny
data: {format: shapes, size: 64, train_images: 8, val_images: 4}
model: mask-rcnn-tiny
protocol: {extends: smoke, name: tiny}
methods: {ce: , lncis: , boom: {name: sce, alpha: 3.0e+38}}
noise: {clean: null, sym40: {type: symmetric, rate: 0.4}}
seeds: [0]
"""
# Executes runs one after another in one process; "!" kills the process in the run's second epoch,
# when the checkpoint of the first is on the disk.
EXECUTE = """
import os, signal, sys
from pathlib import Path
from noisyseg.bench.runs import epoch_log, execution
from noisyseg.bench.runs.grid import expand
from noisyseg.bench.runs.run import Resources
from noisyseg.bench.config.suite import load_suite
from noisyseg.bench.config.suite_part import choose
from noisyseg.results.records.store import RunStore

write_line = epoch_log.EpochLog.epoch

def die(log, report):
    write_line(log, report)
    if report["epoch"] == 1:
        os.kill(os.getpid(), signal.SIGKILL)

cache = Path(sys.argv[1])
suite = load_suite(str(cache / "tiny.yaml"), data_root=cache, cache=cache)
for word in sys.argv[2:]:
    out, method, noise = word.strip("!").split(",")
    if word.endswith("!"):
        epoch_log.EpochLog.epoch = die
    store = RunStore(cache / out)
    (run,) = expand(choose(suite, methods=[method], noise=[noise]), store)
    record = execution.execute(run, store, Resources(threads=1, device="cpu"))
    assert record["status"] == "done", record["failure"]
"""


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    folder = tmp_path_factory.mktemp("main-job")
    (folder / "tiny.yaml").write_text(SUITE)
    return folder


def execute(cache, *words):
    command = [sys.executable, "-c", textwrap.dedent(EXECUTE), str(cache), *words]
    return subprocess.run(
        command, cwd=ROOT, env=environment(cache), capture_output=True, text=True, timeout=400
    )


def noisyseg(cache, *arguments):
    return subprocess.run(
        [sys.executable, "run_benchmark.py", *arguments],
        cwd=ROOT,
        env=environment(cache),
        capture_output=True,
        text=True,
        timeout=400,
    )


def environment(cache):
    return {**os.environ, "XDG_CACHE_HOME": str(cache), "PYTHONPATH": str(ROOT)}


def records(out):
    return {path.parent.name: path for path in out.glob("*/*/*/record.json")}


def outcome(folder):
    """What must be equal, bit for bit: predictions, final weights, every epoch's losses."""
    lines = (folder / "log.jsonl").read_text().splitlines()
    losses = [{k: v for k, v in json.loads(x).items() if k != "seconds"} for x in lines]
    weights = torch.load(folder / "checkpoints" / "last.pth", weights_only=True)["model"]
    return (folder / "predictions.json.zst").read_bytes(), losses, weights


def assert_same(one, other):
    (predictions, losses, weights), (predictions2, losses2, weights2) = outcome(one), outcome(other)
    assert predictions == predictions2
    assert losses == losses2
    assert [entry["epoch"] for entry in losses] == [0, 1]
    assert weights.keys() == weights2.keys()
    assert all(torch.equal(weights[name], weights2[name]) for name in weights)


def only(out):
    (path,) = records(out).values()
    return path.parent


def test_runs_in_one_process_equal_fresh_processes_and_a_resumed_run_equals_an_unbroken_one(cache):
    one_process = execute(cache, "first,ce,clean", "between,lncis,sym40", "second,ce,clean")
    assert one_process.returncode == 0, one_process.stderr
    assert one_process.stdout == ""
    assert_same(only(cache / "first"), only(cache / "second"))  # the first of a fresh process

    killed = execute(cache, "fresh,lncis,sym40", "resumed,lncis,sym40!")
    assert_same(only(cache / "between"), only(cache / "fresh"))
    assert killed.returncode == -signal.SIGKILL
    assert not records(cache / "resumed")
    assert execute(cache, "resumed,lncis,sym40").returncode == 0
    record = json.loads((only(cache / "resumed") / "record.json").read_text())
    assert record["lineage"]["resumed_from_epoch"] == 1
    assert_same(only(cache / "resumed"), only(cache / "fresh"))


@pytest.mark.long  # the short chaos test kills a driver, too, and compares with undisturbed runs
def test_a_killed_driver_loses_nothing_and_two_folders_give_the_same(cache):
    broken, whole = cache / "broken", cache / "whole"
    driver = subprocess.Popen(
        [sys.executable, "run_benchmark.py", "run", "smoke", "--out", str(broken)],
        cwd=ROOT,
        env=environment(cache),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 300
    while not records(broken) and time.monotonic() < deadline:
        assert driver.poll() is None, "the driver ended before a run did"
        time.sleep(0.1)
    os.kill(driver.pid, signal.SIGKILL)
    driver.wait()
    time.sleep(6)  # Ray's busy workers end some seconds after their driver
    before = {
        key: (path.read_bytes(), path.stat().st_mtime_ns) for key, path in records(broken).items()
    }
    assert 1 <= len(before) < 4

    again = noisyseg(cache, "run", "smoke", "--out", str(broken))
    assert again.returncode == 0, again.stderr
    assert f"{len(before)} done, {4 - len(before)} to train" in again.stderr
    for key, (content, changed) in before.items():
        path = records(broken)[key]
        assert (path.read_bytes(), path.stat().st_mtime_ns) == (content, changed)

    straight = noisyseg(cache, "run", "smoke", "--out", str(whole))
    assert straight.returncode == 0, straight.stderr
    assert straight.stdout == again.stdout.replace(str(broken), str(whole))
    assert records(broken).keys() == records(whole).keys()
    assert len(records(whole)) == 4
    for key, path in records(whole).items():
        other = records(broken)[key]
        assert json.loads(path.read_text())["metrics"] == json.loads(other.read_text())["metrics"]
        name = "predictions.json.zst"
        assert (path.parent / name).read_bytes() == (other.parent / name).read_bytes()
    assert shared_files(broken) == shared_files(whole)

    third = noisyseg(cache, "run", "smoke", "--out", str(whole))
    assert third.returncode == 0
    assert "4 done, 0 to train" in third.stderr
    assert third.stdout == straight.stdout


def shared_files(out):
    folder = out / ".annotations"
    files = {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*.json")}
    assert any(name.endswith("manifest.json") for name in files)
    return files


@pytest.mark.long
def test_a_failed_run_is_recorded_and_the_others_go_on(cache):
    out = cache / "failing"
    arguments = ["run", str(cache / "tiny.yaml"), "--data-root", str(cache), "--out", str(out)]
    arguments += ["--methods", "ce,boom", "--noise", "clean"]
    result = noisyseg(cache, *arguments)
    assert result.returncode == 1, result.stderr
    assert "| boom | failed |" in result.stdout
    assert "FAILED boom · clean · seed 0 (not finite): the loss became inf" in result.stderr
    status = {json.loads(path.read_text())["status"] for path in records(out).values()}
    assert status == {"done", "failed"}

    again = noisyseg(cache, *arguments)
    assert again.returncode == 1
    assert "1 done, 1 to train" in again.stderr
