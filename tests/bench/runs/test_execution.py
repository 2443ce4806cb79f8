import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest
import torch

from noisyseg.bench.config.suite import load_suite
from noisyseg.bench.config.suite_part import choose
from noisyseg.bench.datasets.formats.shapes import ShapesSettings, generate_shapes
from noisyseg.bench.runs.execution import execute, record_crash
from noisyseg.bench.runs.grid import expand
from noisyseg.bench.runs.run import Resources
from noisyseg.bench.runs.usage import spent_on
from noisyseg.results.evaluation.average_precision import average_precision
from noisyseg.results.evaluation.matches_file import read_matches
from noisyseg.results.records.record import check_record
from noisyseg.results.records.store import RunStore

ROOT = Path(__file__).parents[3]
ONE_THREAD = Resources(threads=1, device="cpu")
A, B = ("ce", "clean"), ("lncis", "sym40")


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def prepare(cache):
    """Expands one run of the smoke suite into a store."""

    def make(out, method_and_noise=A):
        method, noise = method_and_noise
        suite = load_suite("smoke", data_root=None, cache=cache)
        store = RunStore(out)
        (run,) = expand(choose(suite, methods=[method], noise=[noise]), store)
        return run, store

    return make


@pytest.fixture(scope="module")
def in_this_process(prepare):
    """Executes one run of the smoke suite into a folder."""

    def make(out, method_and_noise=A, resources=ONE_THREAD):
        run, store = prepare(out, method_and_noise)
        record = execute(run, store, resources)
        assert record["failure"] is None
        return run, record

    return make


@pytest.fixture(scope="module")
def reference(in_this_process, tmp_path_factory):
    """What run A comes to when nothing disturbs it."""
    run, record = in_this_process(tmp_path_factory.mktemp("reference"))
    assert record["lineage"] == {"resumed_from_epoch": 0}
    return outcome(run)


def outcome(run):
    """Everything that must be the same bit for bit; seconds are not."""
    record = json.loads((run.folder / "record.json").read_text())
    state = torch.load(run.folder / "checkpoints" / "last.pth", weights_only=True)
    optimizer = state["optimizer"]["state"]
    tensors = {
        **state["model"],
        **{f"momentum {n}": s["momentum_buffer"] for n, s in optimizer.items()},
    }
    return {
        "key": run.key,
        "epochs": [{k: v for k, v in line.items() if k != "seconds"} for line in epochs(run)],
        "checkpoint": {name: sha256(value.numpy().tobytes()) for name, value in tensors.items()},
        "epoch": state["epoch"],
        "predictions": sha256((run.folder / "predictions.json.zst").read_bytes()),
        "metrics": record["metrics"],
    }


def epochs(run):
    return [json.loads(line) for line in (run.folder / "log.jsonl").read_text().splitlines()]


def sha256(data):
    return hashlib.sha256(data).hexdigest()


# Bit for bit; whole processes, killed and resumed, are in test_main_job.py


@pytest.fixture(autouse=True)
def every_epoch_is_kept(monkeypatch):
    monkeypatch.setattr("noisyseg.bench.training.loop.CHECKPOINT_SECONDS", 0.0)


def test_a_run_stopped_between_an_epochs_log_and_its_checkpoint_tells_each_epoch_once(
    tmp_path, prepare, in_this_process, reference, monkeypatch
):
    run, store = prepare(tmp_path)
    from noisyseg.bench.training import loop  # mmdet is there only now

    save = loop.save_checkpoint

    def stop_before_second(path, state, **options):
        if state["epoch"] == 2:
            raise KeyboardInterrupt
        save(path, state, **options)

    monkeypatch.setattr(loop, "save_checkpoint", stop_before_second)
    with pytest.raises(KeyboardInterrupt):
        execute(run, store, ONE_THREAD)
    assert [line["epoch"] for line in epochs(run)] == [0, 1]
    first = spent_on(run.folder)
    monkeypatch.setattr(loop, "save_checkpoint", save)
    _, record = in_this_process(tmp_path)
    assert record["lineage"] == {"resumed_from_epoch": 1}
    assert record["usage"]["cpu_seconds"] > first["cpu_seconds"] > 0
    assert record["usage"]["complete"]
    assert not (run.folder / "usage.json").exists()
    assert [line["epoch"] for line in epochs(run)] == [0, 1]
    assert outcome(run) == reference


def test_a_run_killed_inside_an_epoch_goes_on_inside_it_though_its_last_checkpoint_is_damaged(
    tmp_path, prepare, in_this_process, reference, monkeypatch
):
    run, store = prepare(tmp_path)
    steps = []

    def stop_at_third(self, done, loss):
        steps.append(done)
        if len(steps) == 3:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("noisyseg.bench.training.loop.MID_EPOCH_SECONDS", 0.0)
        patch.setattr("noisyseg.bench.runs.heartbeat.Heartbeat.training", stop_at_third)
        with pytest.raises(KeyboardInterrupt):
            execute(run, store, ONE_THREAD)
    assert steps[-1] == 1
    run.checkpoint.write_bytes(run.checkpoint.read_bytes()[::-1])
    _, record = in_this_process(tmp_path)
    (problem,) = record["lineage"].pop("checkpoint_problems")
    assert problem.startswith("checkpoints/last.pth was passed over: its SHA-256 is not")
    assert problem in run.output.read_text()
    assert record["lineage"] == {"resumed_from_epoch": 0, "resumed_from_iteration": 1}
    assert outcome(run) == reference


@pytest.mark.parametrize("what", ["torn", "another run's"])
def test_a_checkpoint_that_cannot_be_used_means_starting_anew(
    tmp_path, prepare, in_this_process, reference, what
):
    run, _ = prepare(tmp_path / "runs")
    checkpoint = run.folder / "checkpoints" / "last.pth"
    other, _ = prepare(tmp_path / "other", B)
    checkpoint.parent.mkdir(parents=True)
    (run.folder / "log.jsonl").write_text('{"epoch": 0}\n{"epoch": 1}\n')
    in_this_process(tmp_path / "other", B)
    shutil.copy(other.folder / "checkpoints" / "last.pth", checkpoint)
    if what == "torn":
        state = torch.load(checkpoint, weights_only=True)
        torch.save({**state, "key": run.key}, checkpoint)
        os.truncate(checkpoint, checkpoint.stat().st_size * 2 // 3)
    _, record = in_this_process(tmp_path / "runs")
    (problem,) = record["lineage"].pop("checkpoint_problems")
    assert problem.startswith("checkpoints/last.pth was passed over: ")
    assert problem in (run.folder / "run.log").read_text()
    assert record["lineage"] == {"resumed_from_epoch": 0}
    assert outcome(run) == reference


def test_loader_processes_do_not_change_the_result(tmp_path, in_this_process, reference):
    resources = Resources(threads=1, device="cpu", loader_workers=1)
    assert outcome(in_this_process(tmp_path, resources=resources)[0]) == reference


# The record


def test_the_record_holds_checksums_of_the_files_and_the_folder_no_leftovers(
    tmp_path, in_this_process
):
    run, record = in_this_process(tmp_path, B)
    check_record(record)
    assert record["key"] == run.key
    assert record["status"] == "done"
    files = {
        "manifest": run.folder / "manifest.json",
        "predictions": run.folder / "predictions.json.zst",
        "matches": run.folder / "matches.msgpack.zst",
        "log": run.folder / "log.jsonl",
        "noisy_annotations": run.train_annotations,
    }
    assert record["checksums"] == {name: sha256(p.read_bytes()) for name, p in files.items()}
    matches = read_matches(run.folder / "matches.msgpack.zst")
    assert average_precision(matches) == pytest.approx(record["metrics"]["segm"]["AP"], abs=1e-9)
    assert (run.folder / "manifest.json").read_bytes() == run.manifest.read_bytes()
    assert json.loads((run.folder / "spec.json").read_text()) == run.spec
    expected = {"checkpoints", "record.json", "spec.json", "run.log", ".lock"}
    expected |= {"manifest.json", "predictions.json.zst", "matches.msgpack.zst", "log.jsonl"}
    assert {path.name for path in run.folder.iterdir()} == expected
    kept = sorted(path.name for path in run.checkpoint.parent.iterdir())
    assert kept == ["last.json", "last.pth"]
    assert {"bbox", "segm"} <= set(record["metrics"])
    assert set(record["timings"]) == {"training", "prediction", "evaluation", "step"}
    began, ended = (datetime.fromisoformat(record[k]) for k in ("started", "finished"))
    assert 0 <= (ended - began).total_seconds() <= sum(record["timings"].values()) + 60
    assert str(tmp_path) not in json.dumps(record)

    unchanged = {path: path.stat().st_mtime_ns for path in run.folder.rglob("*.*")}
    unchanged.pop(run.folder / ".lock")
    assert in_this_process(tmp_path, B)[1] == record
    assert all(path.stat().st_mtime_ns == then for path, then in unchanged.items())


def test_nothing_of_a_run_reaches_standard_output_and_its_log_is_no_heap_of_errors(
    tmp_path, in_this_process, capfd
):
    for number in range(2):
        run, _ = in_this_process(tmp_path / str(number))
        assert "Logging error" not in (run.folder / "run.log").read_text()
    assert capfd.readouterr() == ("", "")


@pytest.fixture
def own_data(tmp_path):
    """A COCO folder and a suite of one run that trains on it."""
    settings = ShapesSettings(size=64, train_images=4, val_images=2)
    folder = generate_shapes(tmp_path / "cache", settings)
    suite = tmp_path / "suite.yaml"
    splits = {
        split: {"annotations": f"annotations/instances_{name}.json", "images": name}
        for split, name in (("train", "train"), ("eval", "val"))
    }
    document = {
        "name": "own",
        "data": {"format": "coco", "name": "own", **splits},
        **{"model": "mask-rcnn-tiny", "protocol": "smoke", "methods": ["ce"]},
        **{"noise": {"clean": None}, "seeds": [0]},
    }
    suite.write_text(json.dumps(document))  # JSON is YAML
    store = RunStore(tmp_path / "runs")
    (run,) = expand(load_suite(str(suite), data_root=folder, cache=tmp_path), store)
    return run, store, folder


def test_an_unreadable_image_fails_the_run_until_it_is_mended(own_data, capfd):
    run, store, folder = own_data
    image = folder / "train" / "000003.png"
    whole = image.read_bytes()
    image.write_bytes(whole[:40])
    record = execute(run, store, ONE_THREAD)
    check_record(record)
    assert record["status"] == "failed"
    assert "000003.png" in record["failure"]["message"]
    assert record["metrics"] is None
    assert store.load(run.spec) == record
    log = (run.folder / record["failure"]["log"]).read_text()
    assert "Traceback" in log
    assert not (run.folder / "progress.json").exists()
    assert capfd.readouterr() == ("", "")

    image.write_bytes(whole)
    mended = execute(run, store, ONE_THREAD)
    assert mended["status"] == "done"
    spent = [one["usage"]["cpu_seconds"] for one in (record, mended)]
    assert 0 < spent[0] < spent[1]  # what the failure took is in the sum


def test_a_process_waits_for_another_that_works_on_the_run(tmp_path, prepare):
    """A driver killed with -9 leaves a worker for some seconds; its record is then taken."""
    run, _ = prepare(tmp_path)
    run.folder.mkdir(parents=True)
    code = """
import sys
from noisyseg.bench.runs.execution import _alone_in
from pathlib import Path
print("waiting", flush=True)
with _alone_in(Path(sys.argv[1])):
    print("in", flush=True)
"""
    with (run.folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        command = [sys.executable, "-c", code, str(run.folder)]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as other:
            assert other.stdout.readline() == "waiting\n"
            with pytest.raises(subprocess.TimeoutExpired):
                other.wait(1.0)
            fcntl.flock(lock, fcntl.LOCK_UN)
            assert other.communicate(timeout=60)[0] == "in\n"


def test_a_crash_is_recorded_unless_the_run_was_done(tmp_path, prepare):
    run, store = prepare(tmp_path)
    record = record_crash(run, store, "WorkerCrashedError", "the run's process died")
    check_record(record)
    assert store.load(run.spec) == record
    assert (record["status"], record["metrics"]) == ("failed", None)
    assert record["failure"] == {
        "type": "WorkerCrashedError",
        "message": "the run's process died",
        "log": "run.log",
        "fault": "other",
    }
    done = execute(run, store, ONE_THREAD)
    assert done["status"] == "done"  # the failed run was run again
    assert record_crash(run, store, "WorkerCrashedError", "after its end") == done
    assert store.load(run.spec) == done
