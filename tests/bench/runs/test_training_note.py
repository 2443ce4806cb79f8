"""A run in two parts, perhaps in two processes: what lies between them, and what goes wrong."""

import json
import shutil

import pytest

from noisyseg.bench.config.suite import load_suite
from noisyseg.bench.config.suite_part import choose
from noisyseg.bench.runs import stages
from noisyseg.bench.runs.execution import evaluate, execute, train
from noisyseg.bench.runs.grid import expand
from noisyseg.bench.runs.heartbeat import read_heartbeat
from noisyseg.bench.runs.run import Resources
from noisyseg.bench.runs.state import run_states
from noisyseg.bench.runs.training_note import (
    NAME,
    clear_training_note,
    read_training_note,
    write_training_note,
)
from noisyseg.bench.runs.usage import spent_on
from noisyseg.results.evaluation import evaluation
from noisyseg.results.records.record import check_record
from noisyseg.results.records.store import RunStore

ONE_THREAD = Resources(threads=1, device="cpu")
TIMES = ("started", "finished", "timings", "usage", "checksum")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """Expands one noisy run of the smoke suite into a store."""
    cache = tmp_path_factory.mktemp("cache")

    def make(out):
        store = RunStore(out)
        suite = choose(
            load_suite("smoke", data_root=None, cache=cache), methods=["ce"], noise=["sym40"]
        )
        (run,) = expand(suite, store)
        return run, store

    return make


@pytest.fixture(scope="module")
def trained(prepared, tmp_path_factory):
    """A folder of runs in which one is trained and not evaluated."""
    out = tmp_path_factory.mktemp("trained")
    assert train(*prepared(out), ONE_THREAD) is None
    return out


@pytest.fixture
def between(trained, prepared, tmp_path):
    """A run between its two parts, and its store; to be changed at will."""
    return prepared(shutil.copytree(trained, tmp_path / "runs"))


@pytest.fixture
def no_training(monkeypatch):
    monkeypatch.setattr(stages, "train_and_predict", lambda *_: pytest.fail("trained once more"))


def timeless(record):
    """A record but for what tells the time; its log's lines hold seconds."""
    checksums = {name: value for name, value in record["checksums"].items() if name != "log"}
    return {k: v for k, v in record.items() if k not in TIMES} | {"checksums": checksums}


def test_two_parts_give_the_record_of_one(between, prepared, tmp_path):
    run, store = between
    (state,) = run_states(store)[0]
    assert (state.state, state.progress) == ("waiting", None)
    trained = spent_on(run.folder)
    record = evaluate(run, store)
    check_record(record)
    assert record["usage"]["cpu_seconds"] >= trained["cpu_seconds"] > 0
    whole = execute(*prepared(tmp_path / "whole"), ONE_THREAD)
    assert timeless(record) == timeless(whole)
    assert record["timings"].keys() == whole["timings"].keys()
    assert store.load(run.spec) == record
    names = {path.name for path in run.folder.iterdir()}
    assert names == {path.name for path in prepared(tmp_path / "whole")[0].folder.iterdir()}
    assert NAME not in names
    # Once more is done already, for either part.
    assert train(run, store, ONE_THREAD) == evaluate(run, store) == record


def test_a_run_in_its_second_part_is_shown_as_running(between, monkeypatch):
    run, store = between
    seen = []
    real = evaluation.evaluate

    def watched(*arguments, **options):
        seen.append((run_states(store)[0][0].state, read_heartbeat(run.folder)["stage"]))
        return real(*arguments, **options)

    monkeypatch.setattr(evaluation, "evaluate", watched)
    assert evaluate(run, store)["status"] == "done"
    assert seen == [("running", "evaluation")]
    assert read_heartbeat(run.folder) is None


def test_a_failed_evaluation_is_done_again_without_training(between, no_training, monkeypatch):
    run, store = between

    def broken(*arguments, **options):
        raise MemoryError("too many detections")

    with monkeypatch.context() as patch:
        patch.setattr(evaluation, "evaluate", broken)
        record = evaluate(run, store)
    check_record(record)
    assert (record["status"], record["metrics"]) == ("failed", None)
    assert record["failure"]["type"] == "MemoryError"
    assert record["failure"]["message"] == "too many detections"
    assert record["environment"]["device"] == "cpu"
    assert "Traceback" in run.output.read_text()
    assert run_states(store)[0][0].state == "failed"
    assert train(run, store, ONE_THREAD) is None
    assert evaluate(run, store)["status"] == "done"


def test_a_failed_training_keeps_its_reason_and_leaves_no_note(prepared, tmp_path, monkeypatch):
    run, store = prepared(tmp_path)

    def broken(*_):
        raise ValueError("loss is not finite")

    monkeypatch.setattr(stages, "train_and_predict", broken)
    record = train(run, store, ONE_THREAD)
    check_record(record)
    assert record["failure"]["message"] == "loss is not finite"
    assert not (run.folder / NAME).exists()
    assert store.load(run.spec) == record


def _other_key(run):
    note = read_training_note(run)
    write_training_note(run, {**note, "key": "0" * 16})


def _torn(run):
    path = run.folder / NAME
    path.write_bytes(path.read_bytes()[:-20])


def _another_schema(run):
    (run.folder / NAME).write_text(json.dumps({"key": run.key, "checksums": {}}))


def _other_file(name):
    def change(run):
        with (run.folder / name).open("ab") as file:
            file.write(b"\n")

    return change


@pytest.mark.parametrize(
    "change",
    [
        _other_key,
        _torn,
        _another_schema,
        _other_file("predictions.json.zst"),
        _other_file("log.jsonl"),
        _other_file("manifest.json"),
        lambda run: (run.folder / "predictions.json.zst").unlink(),
        clear_training_note,
    ],
)
def test_a_note_of_something_else_is_not_believed(between, change):
    run, store = between
    assert read_training_note(run) is not None
    change(run)
    assert read_training_note(run) is None
    record = evaluate(run, store)
    assert record["status"] == "failed"
    assert "is not what its training left there: run it again" in record["failure"]["message"]


def test_without_a_note_to_believe_the_run_is_trained_again(between):
    run, store = between
    _other_key(run)
    assert train(run, store, ONE_THREAD) is None
    assert read_training_note(run)["lineage"] == {"resumed_from_epoch": 2}
