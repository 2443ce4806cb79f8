"""A run as it is on a GPU, in two tasks of a real Ray; the training is done on a CPU here."""

import signal
from functools import partial

import pytest

from noisyseg.bench.cluster import ray_cluster, worker_tasks
from noisyseg.bench.cluster.scheduler import run_all
from noisyseg.bench.cluster.settings import ClusterSettings
from noisyseg.bench.config.suite import load_suite
from noisyseg.bench.config.suite_part import choose
from noisyseg.bench.runs.execution import execute, train
from noisyseg.bench.runs.grid import expand
from noisyseg.bench.runs.run import Resources
from noisyseg.bench.runs.state import run_states
from noisyseg.results.records.store import RunStore

SETTINGS = ClusterSettings(cpus_per_run=1, max_retries=1)
LIMIT_S = 150


class Watch:
    """A display that remembers."""

    def __init__(self):
        self.outcomes = []

    def start(self, runs, *, parallel, dashboard=None):
        pass

    def refresh(self, waiting):
        pass

    def ended(self, run, record, *, elsewhere=False):
        self.outcomes.append((run.label, record["status"]))

    def note(self, text):
        pass


@pytest.fixture(autouse=True)
def limit():
    """No test of a Ray that hangs goes on for ever."""

    def stop(*_):
        raise TimeoutError(f"{LIMIT_S} s are over")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(LIMIT_S)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture(scope="module")
def expanded(tmp_path_factory):
    """Two runs of the smoke suite in a store of one's own."""
    cache = tmp_path_factory.mktemp("cache")

    def make(out):
        store = RunStore(out)
        suite = choose(load_suite("smoke", data_root=None, cache=cache), methods=["ce"])
        return expand(suite, store)[:2], store

    return make


@pytest.fixture(autouse=True)
def one_cpu_and_one_gpu(monkeypatch):
    """What Ray believes it has: trainings take every CPU."""
    connect = ray_cluster._connect

    def with_gpu(ray, address, folder):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(ray, "init", partial(ray.init, num_gpus=1))
            return connect(ray, address, folder)

    monkeypatch.setattr(ray_cluster, "_connect", with_gpu)
    monkeypatch.setattr(ray_cluster, "usable_cpus", lambda: 1)


@pytest.fixture
def parts(monkeypatch):
    """Puts functions in the place of the two tasks; Ray takes them to its workers whole."""

    def put(train, evaluate=worker_tasks.evaluate_in_worker):
        monkeypatch.setattr(worker_tasks, "train_in_worker", train)
        monkeypatch.setattr(worker_tasks, "evaluate_in_worker", evaluate)

    return put


def timeless(record):
    """A record but for what tells the time; its log's lines hold seconds."""
    checksums = {name: value for name, value in record["checksums"].items() if name != "log"}
    times = ("started", "finished", "timings", "usage", "checksum")
    return {k: v for k, v in record.items() if k not in times} | {"checksums": checksums}


def test_evaluations_run_while_trainings_have_every_cpu(expanded, parts, tmp_path):
    runs, store = expanded(tmp_path / "runs")
    first, second = runs
    marks, second_key = str(tmp_path), second.key

    def train(run, root, resources):
        import os
        import time

        evaluated, deadline = os.path.join(marks, "evaluated"), time.monotonic() + 20
        if run.key == second_key:
            open(os.path.join(marks, "second"), "w").close()
            while not os.path.exists(evaluated) and time.monotonic() < deadline:
                time.sleep(0.05)
            assert os.path.exists(evaluated), "the evaluation waited for this training's CPU"
        assert resources.device == "cuda"
        open(os.path.join(marks, f"trained-by-{os.getpid()}"), "w").close()

    def evaluate(run, root):
        import os

        open(os.path.join(marks, "evaluated"), "w").close()
        return {"status": "done", "environment": {"device": "cuda"}}

    parts(train, evaluate)
    records = run_all([first, second], store, SETTINGS, Watch(), lambda: None).records
    assert [record["status"] for record in records.values()] == ["done", "done"]
    # A process that has seen a GPU ends with its training: nothing of it stays on the card.
    assert len(list(tmp_path.glob("trained-by-*"))) == 2


def test_a_killed_evaluation_is_done_again_and_a_failed_training_keeps_its_reason(
    expanded, parts, tmp_path
):
    runs, store = expanded(tmp_path / "runs")
    good, bad = runs
    bad_key, marks = bad.key, str(tmp_path)

    def train(run, root, resources):
        import os
        import tempfile
        from dataclasses import replace
        from pathlib import Path

        from noisyseg.bench.runs import execution, stages
        from noisyseg.results.records.store import RunStore

        def broken(*_):
            raise ValueError("the loss is not finite")

        os.close(tempfile.mkstemp(dir=marks, prefix="train-")[0])
        if run.key == bad_key:
            stages.train_and_predict = broken
        return execution.train(run, RunStore(Path(root)), replace(resources, device="cpu"))

    def evaluate(run, root):
        import os
        import signal
        import tempfile
        from pathlib import Path

        from noisyseg.bench.runs import execution, stages
        from noisyseg.results.records.store import RunStore

        def killed(*_):
            os.kill(os.getpid(), signal.SIGKILL)

        again = any(name.startswith("evaluate-") for name in os.listdir(marks))
        os.close(tempfile.mkstemp(dir=marks, prefix="evaluate-")[0])
        if not again:
            stages.metrics_of_predictions = killed
        return execution.evaluate(run, RunStore(Path(root)))

    parts(train, evaluate)
    watch = Watch()
    records = run_all(runs, store, SETTINGS, watch, lambda: None).records
    assert dict(watch.outcomes) == {good.label: "done", bad.label: "failed"}
    assert records[bad.key]["failure"]["message"] == "the loss is not finite"
    assert store.load(bad.spec) == records[bad.key]
    assert len(list(tmp_path.glob("train-*"))) == 2  # once each
    assert len(list(tmp_path.glob("evaluate-*"))) == 2  # of the good one alone

    (whole, _), other = expanded(tmp_path / "whole")
    expected = execute(whole, other, Resources(threads=1, device="cpu"))
    assert timeless(records[good.key]) == timeless(expected)


def test_a_run_that_lacks_its_evaluation_alone_takes_no_gpu(expanded, parts, tmp_path):
    (run, _), store = expanded(tmp_path / "runs")
    assert train(run, store, Resources(threads=1, device="cpu")) is None

    def untouched(run, root, resources):
        raise RuntimeError("trained once more")

    def killed(run, root):
        import os
        import signal

        os.kill(os.getpid(), signal.SIGKILL)

    parts(untouched, killed)
    (record,) = run_all([run], store, SETTINGS, Watch(), lambda: None).records.values()
    assert record["failure"]["type"] == "WorkerCrashedError"
    assert run_states(store)[0][0].state == "failed"
    parts(untouched)
    (record,) = run_all([run], store, SETTINGS, Watch(), lambda: None).records.values()
    assert record["status"] == "done", record["failure"]
    assert store.load(run.spec) == record
