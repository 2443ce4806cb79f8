import math

import pytest
import torch
from torch import nn

from noisyseg.bench.datasets.shape_geometry import CLASSES
from noisyseg.bench.protocol import load_protocol
from noisyseg.bench.training.checkpoint import load_checkpoint
from noisyseg.bench.training.class_loss import MethodLoss
from noisyseg.bench.training.loop import Training, TrainingDivergedError, train
from noisyseg.bench.training.run_dataset import train_dataset
from noisyseg.bench.training.schedule import learning_rate_factor
from noisyseg.methods.registry import resolve

KEY = "0123456789abcdef"


class Slope(nn.Module):
    """What the loop asks of an mmdet detector; its loss is slope · w, so its gradient is known."""

    def __init__(self, slope=1.0):
        super().__init__()
        self.w = nn.Parameter(torch.tensor(2.0))
        self.frozen = nn.Parameter(torch.tensor(7.0), requires_grad=False)
        self.slope = slope
        self.draws = []
        self.sizes = []

    def data_preprocessor(self, batch, training):
        assert training
        self.sizes.append(len(batch["inputs"]))
        return {"batch": batch}

    def forward(self, batch, mode):
        assert mode == "loss"
        assert self.training
        self.draws.append(torch.rand(1).item())
        return {"loss_w": self.slope * self.w, "acc": torch.tensor(50.0)}

    def parse_losses(self, losses):
        return losses["loss_w"], {**losses, "loss": losses["loss_w"]}


@pytest.fixture
def protocol():
    """The smoke protocol with plain gradient descent: nothing hides the learning rate."""
    smoke = load_protocol("smoke", where="")
    optimizer = {**smoke["optimizer"], "momentum": 0.0, "weight_decay": 0.0}
    return {
        **smoke,
        "epochs": 3,
        "batch_size": 3,
        "micro_batch": 3,
        "gradient_clip": None,
        "optimizer": optimizer,
    }


@pytest.fixture
def make(tmp_path, shapes, protocol):
    """Makes a training of a detector on 8 images, three iterations an epoch."""

    def training(detector, name="last", **changes):
        dataset = train_dataset(
            shapes / "annotations" / "instances_train.json",
            shapes / "train",
            classes=CLASSES,
            image=protocol["image"],
            train_seed=4,
        )
        values = {
            "key": KEY,
            "detector": detector,
            "class_losses": [],
            "dataset": dataset,
            "protocol": protocol,
            "train_seed": 4,
            "device": torch.device("cpu"),
            "checkpoint": tmp_path / f"{name}.pth",
            **changes,
        }
        return Training(**values)

    return training


class Watch:
    """Collects what the loop reports; stops it after so many iterations in this process."""

    def __init__(self, stop_after=math.inf):
        self.starts, self.epochs, self.progress = [], [], []
        self.stop_after = stop_after

    def on_iteration(self, done, loss):
        self.progress.append((done, loss))
        if len(self.progress) >= self.stop_after:
            raise KeyboardInterrupt

    def run(self, training):
        train(
            training,
            on_start=self.starts.append,
            on_epoch=self.epochs.append,
            on_iteration=self.on_iteration,
        )
        return self


def test_each_step_goes_down_by_the_schedules_learning_rate(make, protocol):
    detector = Slope()
    watch = Watch().run(make(detector))
    expected, values = 2.0, []
    for iteration in range(9):
        values.append(expected)
        factor = learning_rate_factor(
            iteration, iterations_per_epoch=3, schedule=protocol["schedule"]
        )
        expected -= protocol["optimizer"]["lr"] * factor
    assert detector.w.item() == pytest.approx(expected, rel=1e-6)
    assert detector.frozen.item() == 7
    assert [loss for _, loss in watch.progress] == pytest.approx(values, rel=1e-6)
    assert [done for done, _ in watch.progress] == pytest.approx([n / 3 for n in range(1, 10)])
    assert detector.sizes == [3, 3, 2] * 3
    assert watch.starts == [0]
    for epoch, report in enumerate(watch.epochs):
        assert report.pop("seconds") >= 0
        mean = sum(values[3 * epoch : 3 * epoch + 3]) / 3
        assert report == pytest.approx({"epoch": epoch, "loss": mean, "loss_w": mean, "acc": 50})


@pytest.mark.parametrize(("slope", "moved"), [(1000.0, 10.0), (3.0, 3.0)])
def test_a_gradient_is_clipped_to_the_protocols_norm(make, protocol, slope, moved):
    schedule = {**protocol["schedule"], "warmup_iterations": 0, "milestones": []}
    clipped = {**protocol, "gradient_clip": 10.0, "epochs": 1, "schedule": schedule}
    detector = Slope(slope)
    Watch().run(make(detector, protocol=clipped))
    step = protocol["optimizer"]["lr"] * moved
    assert detector.w.item() == pytest.approx(2.0 - 3 * step, rel=1e-5)


@pytest.mark.parametrize("name", ["SGD", "AdamW"])
def test_the_optimizer_is_the_protocols(make, protocol, name):
    """By torch's own optimizer on the same known gradients."""
    settings = {"lr": 0.01, "weight_decay": 0.1} | ({"momentum": 0.9} if name == "SGD" else {})
    schedule = {**protocol["schedule"], "warmup_iterations": 0, "milestones": []}
    changed = {**protocol, "optimizer": {"type": name, **settings}, "schedule": schedule}
    detector = Slope()
    Watch().run(make(detector, protocol=changed))
    w = torch.tensor(2.0, requires_grad=True)
    optimizer = getattr(torch.optim, name)([w], **settings)
    for _ in range(9):
        w.grad = torch.tensor(1.0)
        optimizer.step()
    assert detector.w.item() == pytest.approx(w.item(), rel=1e-6)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_loss_that_is_no_number_ends_the_training(make, value):
    class Diverging(Slope):
        def forward(self, batch, mode):
            if len(self.draws) == 4:
                self.slope = value
            return super().forward(batch, mode)

    training = make(Diverging())
    watch = Watch()
    with pytest.raises(TrainingDivergedError, match=rf"became {value} at iteration 5 \(epoch 2\)"):
        watch.run(training)
    assert [report["epoch"] for report in watch.epochs] == [0]
    assert load_checkpoint(training.checkpoint, key=KEY)["epoch"] == 1


def test_methods_are_told_the_epoch_before_it_begins(make):
    loss = MethodLoss(resolve("ce", {}), num_classes=8, num_epochs=3)
    seen = []

    class Telling(Slope):
        def forward(self, batch, mode):
            seen.append(loss.epoch)
            return super().forward(batch, mode)

    Watch().run(make(Telling(), class_losses=[loss]))
    assert seen == [0, 0, 0, 1, 1, 1, 2, 2, 2]


def test_random_draws_depend_on_train_seed_and_epoch_alone(make):
    first, second, other = Slope(), Slope(), Slope()
    Watch().run(make(first, "first"))
    torch.manual_seed(99)
    Watch().run(make(second, "second"))
    Watch().run(make(other, "other", train_seed=5))
    assert first.draws == second.draws
    assert len({*first.draws, *other.draws}) == 18


def test_an_epoch_is_reported_before_its_checkpoint_is_written(make):
    """Killed in between, the epoch is done again; the other way round its report would be lost."""
    training = make(Slope())
    known = []

    def on_epoch(report):
        state = load_checkpoint(training.checkpoint, key=KEY)
        known.append((report["epoch"], 0 if state is None else state["epoch"]))

    train(training, on_start=int, on_epoch=on_epoch, on_iteration=lambda *_: None)
    assert known == [(0, 0), (1, 1), (2, 2)]
    assert load_checkpoint(training.checkpoint, key=KEY)["epoch"] == 3


# Resuming, with a real detector


@pytest.fixture
def real(make, tiny, protocol):
    """Makes a training of a tiny Mask R-CNN with momentum and with workers or without."""
    momentum = {**protocol, "optimizer": {**protocol["optimizer"], "momentum": 0.9}, "epochs": 2}
    return lambda name, **changes: make(tiny(seed=8), name, protocol=momentum, **changes)


def final_state(training):
    state = load_checkpoint(training.checkpoint, key=KEY)
    assert state["epoch"] == 2
    return state


def without_seconds(reports):
    return [{k: v for k, v in report.items() if k != "seconds"} for report in reports]


def assert_same(found, expected):
    assert found["optimizer"]["param_groups"] == expected["optimizer"]["param_groups"]
    torch.testing.assert_close(found["model"], expected["model"], rtol=0, atol=0)
    torch.testing.assert_close(
        found["optimizer"]["state"], expected["optimizer"]["state"], rtol=0, atol=0
    )


def test_a_stopped_training_goes_on_as_if_it_had_not_been_stopped(real):
    whole, stopped = real("whole"), real("stopped")
    watch = Watch().run(whole)
    before, after = Watch(stop_after=5), Watch()  # in the second epoch
    with pytest.raises(KeyboardInterrupt):
        before.run(stopped)
    after.run(real("stopped"))
    assert (before.starts, after.starts) == ([0], [1])
    assert without_seconds(before.epochs + after.epochs) == without_seconds(watch.epochs)
    assert_same(final_state(stopped), final_state(whole))
    done = Watch().run(real("stopped"))
    assert (done.starts, done.epochs, done.progress) == ([2], [], [])


def test_loader_processes_do_not_change_the_result(real):
    alone, helped = real("alone"), real("helped", workers=2)
    first, second = Watch().run(alone), Watch().run(helped)
    assert without_seconds(first.epochs) == without_seconds(second.epochs)
    assert_same(final_state(helped), final_state(alone))
