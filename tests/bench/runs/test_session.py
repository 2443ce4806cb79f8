import hashlib
import json
import math
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from noisyseg.bench.config.suite import load_suite
from noisyseg.bench.config.suite_part import choose
from noisyseg.bench.runs.epoch_log import EpochLog
from noisyseg.bench.runs.grid import expand
from noisyseg.bench.runs.heartbeat import Heartbeat, read_heartbeat
from noisyseg.bench.runs.run import Resources
from noisyseg.bench.training.checkpoint import load_checkpoint, save_checkpoint
from noisyseg.bench.training.stack import load_stack
from noisyseg.errors import InputError
from noisyseg.results.evaluation.predictions import read_predictions
from noisyseg.results.records.store import RunStore

load_stack()
from noisyseg.bench.runs.session import (  # noqa: E402 (imports mmdet)
    check_labels,
    predict_run,
    train_run,
    trained_detector,
)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of the smoke suite, by a method that is told the epoch, on noisy annotations."""
    folder = tmp_path_factory.mktemp("session")
    suite = load_suite("smoke", data_root=None, cache=folder / "cache")
    chosen = choose(suite, methods=["lncis"], noise=["sym40"], seeds=[4])
    (only,) = expand(chosen, RunStore(folder / "runs"))
    only.folder.mkdir(parents=True)
    return only


def trained(run, log="log.jsonl"):
    torch.set_num_threads(2)
    return train_run(
        run,
        Resources(threads=1, device="cpu"),
        heartbeat=Heartbeat(run.folder, epochs=2),
        log=EpochLog(run.folder / log),
    )


def test_a_run_is_trained_and_then_predicted_on_all_evaluation_images(run):
    training = trained(run)
    detector = training.detector
    assert training.lineage == {"resumed_from_epoch": 0}
    assert training.step_seconds > 0
    assert torch.get_num_threads() == 1
    assert len((run.folder / "log.jsonl").read_text().splitlines()) == 2
    beat = read_heartbeat(run.folder)  # of one of its steps
    images = len(json.loads(run.train_annotations.read_bytes())["images"])
    assert (beat["stage"], beat["epochs"], beat["device"]) == ("training", 2, "cpu")
    # Each step is a batch of 4: `smoke` drops no image.
    per_step = beat["images_per_second"] * beat["step_seconds"]
    assert per_step == pytest.approx(images / math.ceil(images / 4))
    loss = detector.roi_head.bbox_head.loss_cls
    assert (loss.name, loss.epoch, loss.num_epochs) == ("lncis", 1, 2)
    saved = load_checkpoint(run.folder / "checkpoints" / "last.pth", key=run.key)
    assert saved["epoch"] == 2
    torch.testing.assert_close(saved["model"], detector.state_dict(), rtol=0, atol=0)

    path = run.folder / "predictions.json.zst"
    digest = predict_run(run, detector, Resources(threads=1, device="cpu"))
    assert digest == hashlib.sha256(path.read_bytes()).hexdigest()
    predictions = read_predictions(path)
    evaluated = run.eval_annotations.read_bytes()
    assert predictions.annotations_sha256 == hashlib.sha256(evaluated).hexdigest()
    assert list(predictions.image_ids) == [image["id"] for image in json.loads(evaluated)["images"]]
    known = {entry["id"] for entry in json.loads(evaluated)["categories"]}
    assert {found["category_id"] for found in predictions.detections} <= known

    again = trained(run, log="again.jsonl")
    assert again.lineage == {"resumed_from_epoch": 2}
    assert again.step_seconds is None
    read = trained_detector(run, Resources(threads=1, device="cpu"))
    for other in (again.detector, read):
        torch.testing.assert_close(
            dict(other.state_dict()), dict(detector.state_dict()), rtol=0, atol=0
        )


def test_trained_weights_that_are_gone_or_unfinished_are_named(run, tmp_path):
    run = replace(run, folder=tmp_path)
    resources = Resources(threads=1, device="cpu")
    with pytest.raises(InputError, match=r"last\.pth does not hold its trained weights"):
        trained_detector(run, resources)
    path = run.folder / "checkpoints" / "last.pth"
    save_checkpoint(path, {"key": run.key, "epoch": 1})
    with pytest.raises(InputError, match=r"last\.pth does not hold its trained weights\. Remove"):
        trained_detector(run, resources)
    path.unlink()
    path.with_name("removed.json").write_text("{}")
    with pytest.raises(InputError, match="weights: `noisyseg store clean` removed them"):
        trained_detector(run, resources)


@pytest.fixture
def labelled(tmp_path, run):
    """Makes a data set and a run from the file's categories, mmdet's labels and the classes."""

    def make(categories, cat2label, classes):
        path = tmp_path / "instances.json"
        entries = [{"id": number, "name": name} for name, number in categories.items()]
        path.write_text(json.dumps({"categories": entries}))
        spec = {**run.spec, "data": {**run.spec["data"], "classes": classes}}
        return SimpleNamespace(ann_file=str(path), cat2label=cat2label, indexed=None), replace(
            run, spec=spec
        )

    return make


def test_labels_lead_back_to_the_files_category_ids(labelled):
    dataset, run = labelled(
        {"fox": 7, "cat": 90, "dog": 3}, {7: 0, 90: 1, 3: 2}, ["fox", "cat", "dog"]
    )
    assert check_labels(dataset, run) == {0: 7, 1: 90, 2: 3}


@pytest.mark.parametrize(
    "cat2label",
    [
        {90: 0, 7: 1},  # names swapped
        {7: 0},  # a name that mmdet did not find
    ],
)
def test_labels_in_another_order_than_the_runs_are_an_error(labelled, cat2label):
    dataset, run = labelled({"fox": 7, "cat": 90}, cat2label, ["fox", "cat"])
    with pytest.raises(RuntimeError, match="are not the run's"):
        check_labels(dataset, run)
