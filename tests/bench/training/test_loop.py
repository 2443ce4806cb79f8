import math
from itertools import chain, product

import pytest
import torch
from torch import nn

from noisyseg.bench.config.protocol import load_protocol
from noisyseg.bench.datasets.shape_geometry import CLASSES
from noisyseg.bench.training.checkpoint import load_checkpoint
from noisyseg.bench.training.class_loss import MethodLoss
from noisyseg.bench.training.loop import train
from noisyseg.bench.training.run_dataset import train_dataset
from noisyseg.bench.training.schedule import learning_rate_factor
from noisyseg.bench.training.streams import stream_seed
from noisyseg.bench.training.training import Training, TrainingDivergedError
from noisyseg.methods.method import Method, ResolvedMethod
from noisyseg.methods.registry import resolve

KEY = "0123456789abcdef"


@pytest.fixture(autouse=True)
def every_epoch_is_kept(monkeypatch):
    monkeypatch.setattr("noisyseg.bench.training.loop.CHECKPOINT_SECONDS", 0.0)


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
            "checkpoint": tmp_path / name / "last.pth",
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


class TellingProgress(Slope):
    """The method of its class loss notes (epoch, share of it done, progress) in each pass."""

    def __init__(self):
        super().__init__()
        self.seen = []
        method = Method(name="own", version=1, definition=self.noted, paper="", summary="")
        resolved = ResolvedMethod(method=method, parameters={})
        self.loss = MethodLoss(resolved, num_classes=8, num_epochs=3)

    def noted(self, logits, labels, ctx):
        self.seen.append((ctx.epoch, ctx.within_epoch, ctx.progress))
        return torch.zeros(len(labels))

    def forward(self, batch, mode):
        self.loss(torch.zeros(1, 9), torch.zeros(1, dtype=torch.long))
        return super().forward(batch, mode)


@pytest.mark.parametrize(
    ("batch", "micro", "passes"),
    [(3, 3, [1, 1, 1]), (4, 2, [2, 2]), (6, 2, [3, 1]), (32, 4, [2]), (3, 1, [3, 3, 2])],
)
def test_methods_are_told_how_many_of_an_epochs_iterations_are_done(
    make, protocol, batch, micro, passes
):
    """The passes of one optimizer step are one iteration."""
    detector = TellingProgress()
    changed = {**protocol, "batch_size": batch, "micro_batch": micro}
    Watch().run(make(detector, class_losses=[detector.loss], protocol=changed))
    expected = [
        (epoch, step / len(passes), (epoch + step / len(passes)) / 3)
        for epoch in range(3)
        for step, count in enumerate(passes)
        for _ in range(count)
    ]
    assert len(expected) == len(detector.seen)
    for found, wanted in zip(detector.seen, expected, strict=True):
        assert found == pytest.approx(wanted, abs=1e-12)


def test_a_resumed_training_tells_the_same_progress(make):
    """Stopped in the middle of the second epoch, which is then done from its beginning."""
    whole = TellingProgress()
    Watch().run(make(whole, "whole", class_losses=[whole.loss]))
    stopped, resumed = TellingProgress(), TellingProgress()
    with pytest.raises(KeyboardInterrupt):
        Watch(stop_after=5).run(make(stopped, "stopped", class_losses=[stopped.loss]))
    Watch().run(make(resumed, "stopped", class_losses=[resumed.loss]))
    assert stopped.seen == whole.seen[:5]
    assert resumed.seen == whole.seen[3:]


def test_random_draws_depend_on_train_seed_and_epoch_alone(make):
    first, second, other = Slope(), Slope(), Slope()
    Watch().run(make(first, "first"))
    torch.manual_seed(99)
    Watch().run(make(second, "second"))
    Watch().run(make(other, "other", train_seed=5))
    assert first.draws == second.draws
    assert len({*first.draws, *other.draws}) == 18


def test_a_pass_draws_by_train_seed_iteration_and_its_number_alone(make, protocol):
    """So that a step's passes may be done anywhere."""
    detector = Slope()
    split = {**protocol, "batch_size": 4, "micro_batch": 2}
    Watch().run(make(detector, protocol=split))
    expected = []
    for iteration, number in product(range(6), range(2)):
        torch.manual_seed(stream_seed(4, "pass", iteration, number))
        expected.append(torch.rand(1).item())
    assert detector.draws == expected


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


def kept_epochs(training, monkeypatch, durations):
    """Epochs after which a checkpoint is written; each epoch takes so many seconds."""
    clock = Clock(chain(*((d, 0, 0) for d in durations)))
    monkeypatch.setattr("noisyseg.bench.training.loop.time", clock)
    monkeypatch.setattr("noisyseg.bench.training.loop.CHECKPOINT_SECONDS", 30.0)
    kept = []
    monkeypatch.setattr(
        "noisyseg.bench.training.loop.save_checkpoint",
        lambda path, state, *, keep_all: kept.append(state["epoch"]),
    )
    training.detector.clock = clock
    seconds_of(training)
    return kept


class Timed(Slope):
    def forward(self, batch, mode):
        self.clock.forward()
        return super().forward(batch, mode)


@pytest.mark.parametrize(
    ("durations", "kept"),
    [
        ([1] * 8, [8]),
        ([29, 1, 29, 2, 1, 1, 1, 1], [2, 4, 8]),
        ([30, 29, 0.5, 0.5, 31, 1, 1, 1], [1, 4, 5, 8]),
        ([100] * 8, [1, 2, 3, 4, 5, 6, 7, 8]),
    ],
)
def test_a_checkpoint_is_written_after_half_a_minute_and_at_the_end(
    make, protocol, monkeypatch, durations, kept
):
    training = make(Timed(), protocol={**protocol, "epochs": 8})
    assert kept_epochs(training, monkeypatch, durations) == kept


@pytest.mark.parametrize(
    ("method", "parameters", "kept"),
    [
        ("ce", {}, [8]),
        ("lncis", {"e1": 0.25}, [2, 8]),
        ("split(gce)", {"e1": 0.7}, [5, 8]),
        ("jol", {"start": 0.5}, [4, 8]),
        ("forward", {"warmup": 0.5}, [4, 8]),
    ],
)
def test_a_checkpoint_is_written_at_the_end_of_a_methods_stage(
    make, protocol, monkeypatch, method, parameters, kept
):
    loss = MethodLoss(resolve(method, parameters), num_classes=8, num_epochs=8)
    training = make(Timed(), protocol={**protocol, "epochs": 8}, class_losses=[loss])
    assert kept_epochs(training, monkeypatch, [1] * 8) == kept


def test_a_training_goes_on_from_the_last_epoch_that_was_kept(make, protocol, monkeypatch):
    """Stopped in the fourth epoch, kept after the second: the third is done and told again."""
    monkeypatch.setattr("noisyseg.bench.training.loop.CHECKPOINT_SECONDS", 3600.0)
    longer = {**protocol, "epochs": 4}

    def training(name):
        loss = MethodLoss(resolve("lncis", {}), num_classes=8, num_epochs=4)
        return make(Slope(), name, protocol=longer, class_losses=[loss])

    whole, stopped, resumed = Watch(), Watch(stop_after=11), Watch()
    whole.run(training("whole"))
    with pytest.raises(KeyboardInterrupt):
        stopped.run(training("stopped"))
    resumed.run(training("stopped"))
    assert resumed.starts == [2]
    assert [report["epoch"] for report in resumed.epochs] == [2, 3]
    assert without_seconds(resumed.epochs) == without_seconds(whole.epochs)[2:]


# A batch in several forward passes


class OwnSlopes(Slope):
    """Its loss in a pass is mean(image ids) · w: each pass has a gradient of its own."""

    def __init__(self):
        super().__init__()
        self.passes = []

    def data_preprocessor(self, batch, training):
        ids = [sample.img_id for sample in batch["data_samples"]]
        self.passes.append(ids)
        self.slope = sum(ids) / len(ids)
        return super().data_preprocessor(batch, training)


# Of 8 images: batch, images a pass → images of each pass, passes of each step.
GROUPS = [
    (4, 2, [2, 2, 2, 2], [2, 2]),
    (6, 2, [2, 2, 2, 2], [3, 1]),  # the last step has one pass of three
    (6, 3, [3, 3, 2], [2, 1]),
    (9, 3, [3, 3, 2], [3]),  # two whole passes and a smaller one count alike
    (32, 4, [4, 4], [2]),  # more than there are
    (3, 1, [1] * 8, [3, 3, 2]),
]


@pytest.mark.parametrize(("batch", "micro", "sizes", "steps"), GROUPS)
def test_a_step_is_by_the_mean_gradient_of_the_passes_it_has(
    make, protocol, batch, micro, sizes, steps
):
    detector = OwnSlopes()
    changed = {**protocol, "batch_size": batch, "micro_batch": micro}
    watch = Watch().run(make(detector, protocol=changed))
    assert [len(ids) for ids in detector.passes] == sizes * 3
    means = iter([sum(ids) / len(ids) for ids in detector.passes])
    w, losses = 2.0, []
    for iteration, passes in enumerate(steps * 3):
        gradient = sum(next(means) for _ in range(passes)) / passes
        losses.append(gradient * w)
        factor = learning_rate_factor(
            iteration, iterations_per_epoch=len(steps), schedule=protocol["schedule"]
        )
        w -= protocol["optimizer"]["lr"] * factor * gradient
    assert detector.w.item() == pytest.approx(w, rel=1e-5)
    assert [loss for _, loss in watch.progress] == pytest.approx(losses, rel=1e-5)
    done = [(n + 1) / len(steps) for n in range(3 * len(steps))]
    assert [part for part, _ in watch.progress] == pytest.approx(done)
    for epoch, report in enumerate(watch.epochs):
        mean = sum(losses[epoch * len(steps) : (epoch + 1) * len(steps)]) / len(steps)
        del report["seconds"]
        expected = {"epoch": epoch, "loss": mean, "loss_w": mean, "acc": 50}
        assert report == pytest.approx(expected, rel=1e-5)


def test_the_mean_gradient_is_clipped_and_not_each_pass(make, protocol):
    """A pass has a gradient from 1.5 to 7.5; the mean of all eight images is 4.5."""
    schedule = {**protocol["schedule"], "warmup_iterations": 0, "milestones": []}
    whole = {**protocol, "batch_size": 8, "micro_batch": 2, "epochs": 1, "schedule": schedule}
    rate = protocol["optimizer"]["lr"]
    for limit, moved in ((4.6, 4.5), (1.0, 1.0)):
        detector = OwnSlopes()
        clipped = {**whole, "gradient_clip": limit}
        Watch().run(make(detector, f"at {limit}", protocol=clipped))
        assert sorted(chain(*detector.passes)) == list(range(1, 9))
        assert detector.w.item() == pytest.approx(2.0 - rate * moved, rel=1e-5)


def test_a_later_pass_whose_loss_is_no_number_ends_the_training_before_its_step(make, protocol):
    class Diverging(OwnSlopes):
        def data_preprocessor(self, batch, training):
            data = super().data_preprocessor(batch, training)
            if len(self.passes) == 4:
                self.slope = math.nan
            return data

    detector = Diverging()
    split = {**protocol, "batch_size": 4, "micro_batch": 2}
    watch = Watch()
    with pytest.raises(TrainingDivergedError, match=r"became nan at iteration 2 \(epoch 1\)"):
        watch.run(make(detector, protocol=split))
    assert len(watch.progress) == 1
    assert math.isfinite(detector.w.item())


def test_grouped_images_come_each_once_and_the_last_smaller_batch_too(make, protocol):
    """Square images are one group."""
    detector = OwnSlopes()
    grouped = {**protocol, "aspect_ratio_grouping": True}
    watch = Watch().run(make(detector, protocol=grouped))
    assert [len(ids) for ids in detector.passes] == [3, 3, 2] * 3
    assert len(watch.progress) == 9
    for epoch in range(3):
        passes = detector.passes[3 * epoch : 3 * epoch + 3]
        assert sorted(chain(*passes)) == list(range(1, 9))


# The time of a step


class Clock:
    """A clock that only a forward pass moves: by the next of its durations."""

    def __init__(self, durations):
        self.now = 1000.0
        self.durations = iter(durations)

    def perf_counter(self):
        return self.now

    def forward(self):
        self.now += next(self.durations)


@pytest.mark.parametrize(
    ("epochs", "durations", "median"),
    [
        (1, [100, 1, 4], 2.5),
        (2, [100, 1, 9, 2, 5, 3], 3),
        (3, [100, 1, 1, 1, 2, 2, 2, 2, 7], 2),
    ],
)
def test_the_median_time_of_a_step_leaves_out_the_first(
    make, protocol, monkeypatch, epochs, durations, median
):
    clock = Clock(durations)
    monkeypatch.setattr("noisyseg.bench.training.loop.time", clock)

    class Timed(Slope):
        def forward(self, batch, mode):
            clock.forward()
            return super().forward(batch, mode)

    assert seconds_of(make(Timed(), protocol={**protocol, "epochs": epochs})) == median


def seconds_of(training):
    return train(training, on_start=int, on_epoch=lambda _: None, on_iteration=lambda *_: None)


def test_the_only_step_there_is_has_a_time_and_a_step_not_done_has_none(make, protocol):
    single = {**protocol, "epochs": 1, "batch_size": 8, "micro_batch": 4}
    assert seconds_of(make(Slope(), protocol=single)) > 0
    assert seconds_of(make(Slope(), protocol=single)) is None  # the checkpoint has it all


# Resuming, with a real detector


@pytest.fixture
def real(make, tiny, protocol):
    """Makes a training of a tiny Mask R-CNN with momentum and with workers or without."""
    momentum = {**protocol, "optimizer": {**protocol["optimizer"], "momentum": 0.9}, "epochs": 2}
    return lambda name, **changes: make(tiny(seed=8), name, **{"protocol": momentum, **changes})


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


def test_a_training_in_passes_of_grouped_images_is_resumed_alike(real, protocol):
    split = {**protocol, "epochs": 2, "batch_size": 4, "micro_batch": 2}
    split["aspect_ratio_grouping"] = True
    whole, stopped = real("whole", protocol=split), real("stopped", protocol=split)
    watch, before, after = Watch().run(whole), Watch(stop_after=3), Watch()
    with pytest.raises(KeyboardInterrupt):
        before.run(stopped)
    after.run(real("stopped", protocol=split))
    assert (before.starts, after.starts) == ([0], [1])
    assert without_seconds(before.epochs + after.epochs) == without_seconds(watch.epochs)
    assert_same(final_state(stopped), final_state(whole))


@pytest.mark.parametrize("stop_after", [2, 5, 8])  # before the averaged epochs, and within them
def test_an_averaged_training_is_resumed_alike_and_keeps_the_mean(real, protocol, stop_after):
    averaged = {**protocol, "epochs": 4, "average_last": 3}
    whole, stopped = real("whole", protocol=averaged), real("stopped", protocol=averaged)
    weights = []

    def end(report):  # told before the mean takes the weights' place
        weights.append(whole.detector.roi_head.bbox_head.fc_cls.weight.detach().clone())

    train(whole, on_start=lambda epochs: None, on_epoch=end, on_iteration=lambda *_: None)
    with pytest.raises(KeyboardInterrupt):
        Watch(stop_after=stop_after).run(stopped)
    resumed = real("stopped", protocol=averaged)
    Watch().run(resumed)
    states = [load_checkpoint(training.checkpoint, key=KEY) for training in (whole, resumed)]
    assert_same(*states)
    torch.testing.assert_close(states[0]["average"], states[1]["average"], rtol=0, atol=0)
    found = states[0]["model"]["roi_head.bbox_head.fc_cls.weight"]
    torch.testing.assert_close(found, torch.stack(weights[1:]).mean(0))
    assert not torch.equal(found, weights[-1])
    again = real("stopped", protocol=averaged)  # done: the mean is what predictions are made with
    Watch().run(again)
    assert torch.equal(again.detector.roi_head.bbox_head.fc_cls.weight, found)


def test_loader_processes_do_not_change_the_result(real):
    alone, helped = real("alone"), real("helped", workers=2)
    first, second = Watch().run(alone), Watch().run(helped)
    assert without_seconds(first.epochs) == without_seconds(second.epochs)
    assert_same(final_state(helped), final_state(alone))
