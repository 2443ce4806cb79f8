"""A training on several ranks against the same on one: gradients, states, what is told of it.

Its learning rate is 0, so that the weights, and with them the RoIs that are sampled, stay the same:
of other RoIs no gradient could be compared.
"""

import math
from copy import deepcopy

import pytest
import torch
from torch import nn

from noisyseg.bench.config.protocol import load_protocol
from noisyseg.bench.datasets.shape_geometry import CLASSES
from noisyseg.bench.training import loop
from noisyseg.bench.training.box_heads import put_method
from noisyseg.bench.training.loop import train
from noisyseg.bench.training.ranks import ALONE, RankLostError
from noisyseg.bench.training.run_dataset import train_dataset
from noisyseg.bench.training.training import StoppedError, Training, TrainingDivergedError
from noisyseg.methods.contract.demands import tensors
from noisyseg.methods.registry import resolve

EPOCHS = 2
# Of 8 images in passes of two: a step of three passes, which two ranks cannot share evenly, and one
# of a single pass, in which the second rank has none.
THREE_PASSES = {"batch_size": 6, "micro_batch": 2}
# In the second epoch of two: LNCIS separates losses, JOL has relabelled.
METHODS = {"ce": {}, "lncis": {}, "jol": {"start": 0.5}, "elr": {}}


@pytest.fixture
def protocol():
    smoke = load_protocol("smoke", where="")
    still = {**smoke["optimizer"], "lr": 0.0}
    return {**smoke, "epochs": EPOCHS, "optimizer": still, **THREE_PASSES}


@pytest.fixture
def make(tmp_path, shapes, tiny):
    """Makes the training of a rank; what it came to is put into lists."""

    def training(ranks, protocol, method="ce", parameters=None, **changes):
        image = protocol["image"]
        annotations = shapes / "annotations" / "instances_train.json"
        dataset = train_dataset(
            annotations, shapes / "train", classes=CLASSES, image=image, train_seed=4
        )
        detector = tiny(seed=8)
        losses = put_method(
            detector,
            resolve(method, parameters or {}),
            num_epochs=protocol["epochs"],
            at_work=True,
            wrong_labels={1: 0, 3: 2, 5: 1},
        )
        values = {
            "key": "0123456789abcdef",
            "detector": detector,
            "class_losses": losses,
            "dataset": dataset,
            "protocol": protocol,
            "train_seed": 4,
            "device": torch.device("cpu"),
            "checkpoint": tmp_path / f"of {ranks.count}" / "last.pth",
            "ranks": ranks,
            **changes,
        }
        return Training(**values)

    return training


def outcome(training):
    """Trains; gradients of every step, and of every epoch the method's state and the report."""
    found = {"gradients": [], "states": [], "reports": [], "progress": []}
    optimizers = loop.make_optimizer

    def watched(model, settings):
        optimizer = optimizers(model, settings)
        optimizer.register_step_pre_hook(
            lambda *_: found["gradients"].append(
                {
                    name: None if p.grad is None else p.grad.clone()
                    for name, p in model.named_parameters()
                }
            )
        )
        return optimizer

    def on_epoch(report):
        found["states"].append([loss.method.state_dict() for loss in training.class_losses])
        found["reports"].append({k: v for k, v in report.items() if k != "seconds"})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "make_optimizer", watched)
        train(
            training,
            on_start=lambda epochs: None,
            on_epoch=on_epoch,
            on_iteration=lambda *told: found["progress"].append(told),
        )
    found["model"] = training.detector.state_dict()
    return found


def largest_gap(one, other):
    assert one.keys() == other.keys()
    gap = 0.0
    for name, gradient in one.items():
        assert (gradient is None) == (other[name] is None)
        if gradient is not None:
            gap = max(gap, (gradient - other[name]).abs().max().item())
    return gap


def same(found, expected):
    """Nested values alike; numbers up to what adding them in another order changes."""
    found, expected = dict(tensors(found)), dict(tensors(expected))
    assert found.keys() == expected.keys()
    for place, tensor in expected.items():
        torch.testing.assert_close(found[place], tensor, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "method",
    [
        *("lncis", "jol"),
        *(pytest.param(name, marks=pytest.mark.long) for name in ("ce", "elr")),
    ],
)
def test_two_ranks_have_one_ranks_gradients_states_and_reports(make, protocol, on_ranks, method):
    def work(ranks):
        return outcome(make(ranks, protocol, method, METHODS[method]))

    one = outcome(make(ALONE, protocol, method, METHODS[method]))
    first, second = on_ranks(work)
    assert len(one["gradients"]) == 2 * EPOCHS
    for own, of_first, of_second in zip(
        one["gradients"], first["gradients"], second["gradients"], strict=True
    ):
        assert max(g.abs().max().item() for g in own.values() if g is not None) > 1e-2
        assert largest_gap(own, of_first) <= 1e-5
        assert largest_gap(of_first, of_second) == 0.0
    for number, state in enumerate(one["states"]):
        assert all(state) == (method in ("jol", "elr"))
        same(first["states"][number], state)
        torch.testing.assert_close(second["states"], first["states"], rtol=0, atol=0)
    same_numbers(first["reports"], one["reports"])
    same_numbers(first["progress"], one["progress"])
    assert second["progress"] == first["progress"]


def same_numbers(found, expected):
    if isinstance(expected, dict):
        assert found.keys() == expected.keys()
        for key, value in expected.items():
            same_numbers(found[key], value)
    elif isinstance(expected, list | tuple):
        for one, other in zip(found, expected, strict=True):
            same_numbers(one, other)
    elif expected is None:
        assert found is None
    else:
        assert found == pytest.approx(expected, rel=1e-5, abs=1e-6)


# By a detector whose gradients are known


class Known(nn.Module):
    """Its loss in a pass is mean(image ids) · w, and of the pass with image 1 also 3 · seldom."""

    def __init__(self, fails_at=math.inf, value=math.nan):
        super().__init__()
        self.w, self.seldom, self.never = (nn.Parameter(torch.tensor(2.0)) for _ in range(3))
        self.norm = nn.BatchNorm1d(1, momentum=None)  # the mean of all batches
        self.passes, self.draws = [], []
        self.fails_at, self.value = fails_at, value

    def data_preprocessor(self, batch, training):
        self.passes.append([sample.img_id for sample in batch["data_samples"]])
        self.draws.append(torch.rand(1).item())
        return {"ids": torch.tensor(self.passes[-1], dtype=torch.float32)}

    def forward(self, ids, mode):
        self.norm(ids.unsqueeze(1))
        loss = ids.mean() * self.w
        if 1 in ids:
            loss = loss + 3 * self.seldom
        return {"loss_w": loss * (self.value if len(self.passes) == self.fails_at else 1.0)}

    def parse_losses(self, losses):
        return losses["loss_w"], {**losses, "loss": losses["loss_w"]}


@pytest.fixture
def known(protocol, make, tmp_path):
    """Makes the training of a detector whose gradients are known, with a folder for each rank."""
    optimizer = {"type": "SGD", "lr": 0.01, "momentum": 0.9, "weight_decay": 0.1}
    moving = {**protocol, "optimizer": optimizer, "gradient_clip": 4.0}

    def training(ranks, detector=None, **changes):
        folder = tmp_path / f"of {ranks.count}, {ranks.rank}"
        values = {"detector": detector or Known(), "class_losses": []} | changes
        return make(ranks, moving, checkpoint=folder / "last.pth", **values)

    return training


def same_weights(found, expected):
    """All but running means, of which those of several ranks are no single rank's."""
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        if "running" not in name:
            torch.testing.assert_close(found[name], tensor, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("count", [pytest.param(2, marks=pytest.mark.long), 3])
def test_running_statistics_are_the_mean_over_ranks_by_the_batches_of_each(known, on_ranks, count):
    """Of a layer that averages all batches it is exact in the first epoch; one rank has fewer."""

    def work(ranks):
        model = {}
        training = known(ranks)

        def on_epoch(report):
            model.setdefault("first", deepcopy(training.detector.norm.state_dict()))

        train(
            training,
            on_start=lambda epochs: None,
            on_epoch=on_epoch,
            on_iteration=lambda *told: None,
        )
        return model["first"], training.detector.norm.num_batches_tracked.item()

    (expected, batches), found = work(ALONE), on_ranks(work, count)
    assert expected["num_batches_tracked"] == 4
    for statistics, seen in found:
        torch.testing.assert_close(statistics, expected, rtol=1e-6, atol=0)
        assert seen == batches == 4 * EPOCHS


@pytest.mark.parametrize("count", [2, pytest.param(3, marks=pytest.mark.long), 4])
def test_each_pass_is_one_ranks_with_its_own_seed_and_the_step_is_all_ranks(known, on_ranks, count):
    def work(ranks):
        training = known(ranks)
        detector = training.detector
        found = outcome(training)
        return found | {"passes": detector.passes, "draws": detector.draws}

    one, found = work(ALONE), on_ranks(work, count)
    own = [[], [], [], []]
    for number, group in enumerate(zip(one["passes"], one["draws"], strict=True)):
        own[number % 4 % 3 % count].append(group)  # three passes in a step, then one
    for rank, of_rank in enumerate(found):
        groups = list(zip(of_rank["passes"], of_rank["draws"], strict=True))
        assert groups == own[rank]
        for expected, gradients in zip(one["gradients"], of_rank["gradients"], strict=True):
            assert largest_gap(expected, gradients) <= 1e-6
        assert of_rank["gradients"][0]["never"] is None
        same_numbers(of_rank["progress"], one["progress"])
        assert of_rank["model"]["never"] == 2.0  # neither momentum nor weight decay moves it
        same_weights(of_rank["model"], one["model"])
        torch.testing.assert_close(of_rank["model"], found[0]["model"], rtol=0, atol=0)
    touched = [gradients["seldom"] is not None for gradients in one["gradients"]]
    assert sum(touched) == EPOCHS  # once an epoch, by one rank's pass, and on all of them


def test_a_loss_that_is_no_number_on_one_rank_ends_all_alike(known, on_ranks):
    def work(ranks):
        outcome(known(ranks, Known(fails_at=2 if ranks.rank == 1 else math.inf)))

    for error in on_ranks(work, 3):
        assert isinstance(error, TrainingDivergedError)
        assert str(error).startswith("the loss became nan at iteration 3 (epoch 2).")


def test_an_error_on_one_rank_is_told_on_the_others(known, on_ranks):
    class Failing(Known):
        def forward(self, ids, mode):
            if len(self.passes) == 2:
                raise ValueError("no such class")
            return super().forward(ids, mode)

    def work(ranks):
        outcome(known(ranks, Failing() if ranks.rank == 1 else Known()))

    first, second = on_ranks(work)
    assert isinstance(second, ValueError)
    assert isinstance(first, RankLostError)
    assert str(first) == "rank 1 of 2 failed: ValueError: no such class"
    assert first.kind == "ValueError"


@pytest.mark.parametrize("stop_after", [1, 2, pytest.param(3, marks=pytest.mark.long)])
def test_one_rank_that_is_asked_to_stop_stops_all_and_they_go_on_alike(
    known, on_ranks, stop_after, tmp_path
):
    """Inside an epoch and at its end; the first rank's file is all that they go on from."""

    def whole(ranks):
        return outcome(known(ranks))["model"]

    def stopped(ranks):
        asked = iter(range(1, 100))
        training = known(ranks, stop=lambda: ranks.rank == 1 and next(asked) == stop_after)
        with pytest.raises(StoppedError):
            outcome(training)
        if not ranks.is_first:
            assert not training.checkpoint.parent.exists()
        return training.start.fraction

    def resumed(ranks):
        training = known(ranks)
        found = outcome(training)
        return training.start.fraction, found["model"]

    expected = on_ranks(whole)
    for rank in range(2):
        folder = tmp_path / f"of 2, {rank}"
        assert folder.exists() == (rank == 0)
        if rank == 0:
            folder.rename(tmp_path / "whole")
    assert on_ranks(stopped) == [0, 0]
    for (began, model), unbroken in zip(on_ranks(resumed), expected, strict=True):
        assert began == stop_after / 2
        same_weights(model, unbroken)
