"""Methods with a state: a run stopped after any epoch goes on as if it had not been stopped."""

import pytest
import torch

from noisyseg.bench.config.suite import load_suite
from noisyseg.bench.runs.execution import execute
from noisyseg.bench.runs.grid import expand
from noisyseg.bench.runs.run import Resources
from noisyseg.bench.training import loop
from noisyseg.bench.training.checkpoint import load_checkpoint
from noisyseg.methods.running import RunningMethod
from noisyseg.results.records.store import RunStore

EPOCHS = 3
METHODS = ("jol", "elr", "forward")  # backward has forward's state
SUITE = f"""
name: resumed
data: {{format: shapes, size: 64, train_images: 6, val_images: 3}}
model: mask-rcnn-tiny
protocol: {{extends: smoke, name: short, epochs: {EPOCHS}, schedule: {{milestones: []}}}}
methods: [{", ".join(METHODS)}]
noise: {{sym40: {{type: symmetric, rate: 0.4}}}}
seeds: [0]
"""
# What of its state makes an epoch other than the one before, at the latest in the last epoch.
BEGINS_AFTER = {"jol": 1, "elr": 0, "forward": 1}


@pytest.fixture(autouse=True)
def every_epoch_is_kept(monkeypatch):
    monkeypatch.setattr("noisyseg.bench.training.loop.CHECKPOINT_SECONDS", 0.0)


@pytest.fixture(scope="module")
def planned(tmp_path_factory):
    folder = tmp_path_factory.mktemp("resumed")
    (folder / "suite.yaml").write_text(SUITE)

    def make(name):
        suite = load_suite(str(folder / "suite.yaml"), data_root=None, cache=folder / "cache")
        store = RunStore(folder / name)
        return {run.method_label: run for run in expand(suite, store)}, store

    return make


def done(run, store):
    record = execute(run, store, Resources(threads=1, device="cpu"))
    assert record["status"] == "done", record["failure"]
    return record


def state_of(run):
    return load_checkpoint(run.folder / "checkpoints" / "last.pth", key=run.key)


@pytest.fixture
def stop_after(monkeypatch):
    """Stops a training once the checkpoint of so many epochs is on the disk."""

    def make(run, store, epochs):
        save = loop.save_checkpoint

        def stop(path, state, **options):
            save(path, state, **options)
            if state["epoch"] == epochs:
                raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(loop, "save_checkpoint", stop)
            with pytest.raises(KeyboardInterrupt):
                execute(run, store, Resources(threads=1, device="cpu"))

    return make


@pytest.mark.parametrize("method", METHODS)
def test_stopped_after_any_epoch_is_as_not_stopped(planned, stop_after, method):
    runs, store = planned("whole")
    whole = runs[method]
    expected = done(whole, store)
    final = state_of(whole)
    assert any(final["methods"]), "without a state this would show nothing"
    for epochs in range(1, EPOCHS):
        runs, store = planned(f"stopped-{epochs}")
        run = runs[method]
        stop_after(run, store, epochs)
        at_stop = state_of(run)
        assert at_stop["epoch"] == epochs
        if epochs > BEGINS_AFTER[method]:
            assert any(at_stop["methods"])
        record = done(run, store)
        assert record["lineage"] == {"resumed_from_epoch": epochs}
        assert record["checksums"]["predictions"] == expected["checksums"]["predictions"]
        found = state_of(run)
        for part in ("model", "methods"):
            torch.testing.assert_close(found[part], final[part], rtol=0, atol=0)


@pytest.mark.parametrize("method", METHODS)
def test_a_state_that_is_lost_would_show(planned, stop_after, method, monkeypatch):
    """Or the test above would prove nothing: without its state a run ends otherwise."""
    runs, store = planned("whole")
    expected = done(runs[method], store)
    runs, store = planned("lost")
    run = runs[method]
    stop_after(run, store, EPOCHS - 1)
    monkeypatch.setattr(RunningMethod, "load_state_dict", lambda self, state: None)
    assert done(run, store)["checksums"]["predictions"] != expected["checksums"]["predictions"]
