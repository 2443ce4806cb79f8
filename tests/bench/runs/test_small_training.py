"""A miniature of the suite `small`: its model on its weights, some photographs, six iterations."""

import json
from dataclasses import replace

import pytest
import torch

from noisyseg.bench.config.suite import load_suite
from noisyseg.bench.config.suite_part import choose
from noisyseg.bench.runs.epoch_log import EpochLog
from noisyseg.bench.runs.grid import expand
from noisyseg.bench.runs.heartbeat import Heartbeat
from noisyseg.bench.runs.run import Resources
from noisyseg.bench.training.stack import load_stack
from noisyseg.results.records.store import RunStore

load_stack()
from noisyseg.bench.runs import session  # noqa: E402 (imports mmdet)

EPOCHS, IMAGES = 6, 2


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run at symmetric noise, with an iteration an epoch; its sizes are a rehearsal's."""
    folder = tmp_path_factory.mktemp("small")
    suite = load_suite("small", data_root=None, cache=folder / "cache")
    protocol = {
        **suite.protocol,
        "epochs": EPOCHS,
        "batch_size": IMAGES,
        "micro_batch": IMAGES,
        "schedule": {**suite.protocol["schedule"], "milestones": [EPOCHS - 1]},
        "rehearsal": {"train_images": IMAGES, "eval_images": IMAGES, "shrunk": False},
    }
    chosen = choose(suite, methods=["ce"], noise=["sym40"], seeds=[0])
    (only,) = expand(replace(chosen, protocol=protocol), RunStore(folder / "runs"))
    only.folder.mkdir(parents=True)
    return only


@pytest.fixture(scope="module")
def training(run):
    """The state before, the detector after, and how many images its backbone computed."""
    seen = []
    before = {}
    build = session.build_detector

    def watched(*given, **named):
        detector = build(*given, **named)
        before.update({name: value.clone() for name, value in detector.state_dict().items()})
        detector.backbone.conv1.register_forward_hook(
            lambda layer, given, made: seen.append(len(given[0]))
        )
        return detector

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(session, "build_detector", watched)
        trained = session.train_run(
            run,
            Resources(threads=1, device="cpu"),
            heartbeat=Heartbeat(run.folder, epochs=EPOCHS),
            log=EpochLog(run.folder / "log.jsonl"),
        )
    return before, trained.detector, sum(seen)


def weights_of(run):
    return torch.load(run.weights, weights_only=True)["state_dict"]


def test_the_shipped_weights_are_the_backbones_none_missing_and_none_unused(run, training):
    before, detector, _ = training
    weights = weights_of(run)
    assert weights.keys() == detector.backbone.state_dict().keys()
    found = {name: before[f"backbone.{name}"] for name in weights}
    torch.testing.assert_close(found, dict(weights), rtol=0, atol=0)


def test_the_backbone_stays_as_it_was_and_the_heads_learn(run, training):
    before, detector, _ = training
    after = detector.state_dict()
    weights = weights_of(run)
    found = {name: after[f"backbone.{name}"] for name in weights}
    torch.testing.assert_close(found, dict(weights), rtol=0, atol=0)
    learn = [name for name, value in detector.named_parameters() if value.requires_grad]
    weights = [name for name in learn if after[name].dim() > 1]
    assert {name.split(".")[0] for name in weights} == {"neck", "rpn_head", "roi_head"}
    assert [name for name in weights if torch.equal(before[name], after[name])] == []


def test_features_are_kept_and_not_computed_in_every_epoch(training):
    """An image and its mirror image at most once each, of twelve that the heads were shown."""
    _, _, seen = training
    assert IMAGES <= seen <= 2 * IMAGES < EPOCHS * IMAGES


def test_its_log_tells_of_every_epoch_and_it_predicts(run, training):
    lines = [json.loads(line) for line in (run.folder / "log.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in lines] == list(range(EPOCHS))
    groups = [line["loss_at_work"][0] for line in lines]
    assert all(group["clean"]["rois"] + group["noisy"]["rois"] for group in groups)
    session.predict_run(run, training[1], Resources(threads=1, device="cpu"))
