"""A training stopped inside an epoch goes on, bit for bit, as if it had not been stopped."""

import contextlib
import importlib.util
from itertools import product
from pathlib import Path

import pytest
import torch

from noisyseg.bench.config.protocol import load_protocol
from noisyseg.bench.datasets.shape_geometry import CLASSES
from noisyseg.bench.training import loop
from noisyseg.bench.training.box_heads import put_method
from noisyseg.bench.training.checkpoint import load_checkpoint
from noisyseg.bench.training.loop import train
from noisyseg.bench.training.run_dataset import RunDataset, train_dataset
from noisyseg.bench.training.training import StoppedError, Training
from noisyseg.methods.built_in import METHODS
from noisyseg.methods.method import Method, ResolvedMethod
from noisyseg.methods.registry import resolve

KEY = "0123456789abcdef"
ROOT = Path(__file__).parents[3]
PARAMETERS = {
    "jol": {"start": 0.3, "prior": "labels"},
    "forward": {"warmup": 0.3},
    "backward": {"warmup": 0.3},
}
OTHERS = [name for name in METHODS if name not in ("jol", "forward")]


def truncated():
    """The stateful class of the example package: a stranger's."""
    path = ROOT / "examples/noisyseg-truncated-loss/src/noisyseg_truncated_loss.py"
    spec = importlib.util.spec_from_file_location("truncated_loss_here", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    method = Method(name="own", version=1, definition=module.TruncatedLoss, paper="", summary="")
    return ResolvedMethod(method=method, parameters={"start": 0.0, "k": 0.3})


@pytest.fixture
def protocol():
    """Three steps an epoch of the eight images, two of whose three have a pass."""
    smoke = load_protocol("smoke", where="")
    schedule = {**smoke["schedule"], "milestones": []}
    optimizer = {**smoke["optimizer"], "momentum": 0.9}
    changed = {"epochs": 3, "batch_size": 3, "micro_batch": 3}
    return {**smoke, **changed, "schedule": schedule, "optimizer": optimizer}


@pytest.fixture
def make(tmp_path, shapes, tiny, protocol):
    """Makes a training, of a folder of its own by name."""

    def training(name, method, changes=None, **options):
        detector, resolved = tiny(seed=8), protocol | (changes or {})
        losses = put_method(
            detector,
            method,
            num_epochs=resolved["epochs"],
            noise_matrix=torch.eye(8, dtype=torch.float64),
            at_work=True,
            wrong_labels={1: 3, 4: -1},
        )
        return Training(
            key=KEY,
            detector=detector,
            class_losses=losses,
            dataset=train_dataset(
                shapes / "annotations" / "instances_train.json",
                shapes / "train",
                classes=CLASSES,
                image=resolved["image"],
                train_seed=4,
            ),
            protocol=resolved,
            train_seed=4,
            device=torch.device("cpu"),
            checkpoint=tmp_path / name / "last.pth",
            **options,
        )

    return training


def told(training):
    """Trains; the log's lines without their seconds, as far as it comes, and its loss."""
    lines, losses = [], []
    with contextlib.suppress(StoppedError):
        train(
            training,
            on_start=int,
            on_epoch=lines.append,
            on_iteration=lambda *values: losses.append(values),
        )
    return [{k: v for k, v in line.items() if k != "seconds"} for line in lines], losses


def after(steps):
    """Says stop after so many of its process's steps."""
    left = iter(range(steps - 1, -1, -1))
    return lambda: next(left) == 0


def state_of(training):
    return load_checkpoint(training.checkpoint, key=KEY)


def assert_same(found, expected):
    for part in ("model", "optimizer", "methods", "average"):
        torch.testing.assert_close(found[part], expected[part], rtol=0, atol=0)
    assert found.keys() == expected.keys()
    assert (found["epoch"], found["iteration"]) == (expected["epoch"], expected["iteration"])


def compared(make, method, stops, changes=None, **options):
    """Trains as a whole, and stopped after so many steps, again and again; both are the same."""
    whole = make("whole", method, changes, **options)
    lines, losses = told(whole)
    own_lines, own_losses = [], []
    for count in stops:
        stopped = make("stopped", method, changes, stop=after(count), **options)
        more = told(stopped)
        own_lines += more[0]
        own_losses += more[1]
    rest = make("stopped", method, changes, **options)
    more = told(rest)
    assert own_losses + more[1] == losses
    assert own_lines + more[0] == lines
    assert all(line["loss_at_work"][0]["sets"]["negative"] for line in lines)
    assert_same(state_of(rest), state_of(whole))
    return rest


def test_stopped_after_every_single_step_it_goes_on_from_there(make):
    compared(make, resolve("elr", {}), [1] * 8)


@pytest.mark.parametrize("steps", [1, 3, 5])
def test_it_says_where_it_goes_on(make, steps):
    told(make("stopped", resolve("ce", {}), stop=after(steps)))
    rest = make("stopped", resolve("ce", {}), stop=after(1))
    told(rest)
    assert (rest.start.epoch, rest.start.iteration) == divmod(steps, 3)
    assert rest.start.fraction == pytest.approx(steps / 3)


@pytest.mark.parametrize(
    "name", ["jol", "forward", *(pytest.param(name, marks=pytest.mark.long) for name in OTHERS)]
)
def test_every_methods_state_goes_on_from_inside_an_epoch(make, name):
    compared(make, resolve(name, PARAMETERS.get(name, {})), [1, 3, 1])


def test_a_strangers_state_goes_on_from_inside_an_epoch(make):
    rest = compared(make, truncated(), [4, 1, 2])
    (state,) = state_of(rest)["methods"]
    assert state["pruned"]
    assert state["sums"]


@pytest.mark.parametrize(
    ("changes", "workers"),
    [
        ({"micro_batch": 1, "average_last": 2}, 2),
        ({"aspect_ratio_grouping": True, "batch_size": 4, "micro_batch": 2}, 0),
    ],
)
def test_passes_averages_groups_and_loader_processes_change_nothing_of_it(make, changes, workers):
    changes["epochs"] = 2
    compared(make, resolve("jol", PARAMETERS["jol"]), [1, 2], changes, workers=workers)


@pytest.mark.parametrize("grouped", [False, True])
def test_images_that_were_passed_are_not_loaded_again(make, monkeypatch, grouped):
    loaded = []
    transformed = RunDataset._transformed

    def noted(self, index, seed):
        loaded.append((self.epoch, index))
        return transformed(self, index, seed)

    monkeypatch.setattr(RunDataset, "_transformed", noted)
    monkeypatch.setattr(RunDataset, "_flip", None)  # nor is any remembered
    changes = {"epochs": 2, "batch_size": 4, "micro_batch": 2, "aspect_ratio_grouping": grouped}
    told(make("stopped", resolve("ce", {}), changes, stop=after(3)))
    assert len(loaded) == 8 + 4
    told(make("stopped", resolve("ce", {}), changes))
    assert sorted(loaded) == list(product(range(2), range(8)))


# When it is written, and what is said


def test_a_training_that_is_asked_to_stop_writes_its_checkpoint_and_says_where_it_is(make):
    training = make("one", resolve("ce", {}), stop=after(2))
    with pytest.raises(StoppedError, match="after iteration 2 of epoch 1"):
        train(training, on_start=int, on_epoch=bool, on_iteration=lambda *_: None)
    state = state_of(training)
    assert (state["epoch"], state["iteration"]) == (0, 2)
    training = make("one", resolve("ce", {}), stop=after(1))
    with pytest.raises(StoppedError, match="after epoch 1;"):
        train(training, on_start=int, on_epoch=bool, on_iteration=lambda *_: None)
    state = state_of(training)
    assert (state["epoch"], state["iteration"]) == (1, 0)
    assert "totals" not in state


@pytest.mark.parametrize(("seconds", "kept"), [(0.0, 9), (1e9, 1)])
def test_a_long_epoch_has_checkpoints_inside_and_all_ends_stay_if_asked_for(
    make, monkeypatch, seconds, kept
):
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", seconds)
    monkeypatch.setattr(loop, "MID_EPOCH_SECONDS", seconds)
    places = []
    save = loop.save_checkpoint

    def noted(path, state, *, keep_all):
        places.append((state["epoch"], state["iteration"]))
        save(path, state, keep_all=keep_all)

    monkeypatch.setattr(loop, "save_checkpoint", noted)
    training = make("one", resolve("ce", {}), keep_all=True)
    told(training)
    every = [divmod(step, 3) for step in range(1, 10)]
    assert places == (every if kept == 9 else [(3, 0)])
    names = sorted(file.name for file in training.checkpoint.parent.glob("epoch-*"))
    assert names == [f"epoch-{epoch:04}.pth" for epoch, at in places if at == 0]


def test_a_damaged_checkpoint_is_passed_over_and_never_takes_the_place_of_a_sound_one(make):
    method = resolve("elr", {})
    whole = make("whole", method)
    lines, _ = told(whole)
    for count in (2, 3):
        told(make("stopped", method, stop=after(count)))
    path = make("stopped", method).checkpoint
    path.write_bytes(path.read_bytes()[:-1])
    stopped = make("stopped", method, stop=after(1))
    told(stopped)  # from after the second step
    (problem,) = stopped.start.problems
    assert problem.startswith("stopped/last.pth was passed over: its SHA-256")
    assert (stopped.start.epoch, stopped.start.iteration) == (0, 2)
    notes = [load_checkpoint(path, key=KEY)["iteration"]]
    path.unlink()
    notes.append(load_checkpoint(path, key=KEY)["iteration"])
    assert notes == [0, 2]
    rest = make("stopped", method)
    assert told(rest)[0] == lines
    assert_same(state_of(rest), state_of(whole))


def test_what_was_counted_of_an_epoch_would_be_missed(make, monkeypatch):
    """Or the comparison above would prove nothing of it."""
    from noisyseg.bench.training.loss_at_work import LossAtWork

    lines, _ = told(make("whole", resolve("ce", {})))
    told(make("stopped", resolve("ce", {}), stop=after(1)))
    monkeypatch.setattr(LossAtWork, "load_state_dict", lambda *_: None)
    rest, _ = told(make("stopped", resolve("ce", {})))
    assert rest[0] != lines[0]
    assert rest[1:] == lines[1:]


def test_a_method_is_told_that_the_epoch_began_before_it_has_its_state(make, monkeypatch):
    calls = []

    class Told:
        def start_epoch(self, epoch):
            calls.append(("start", epoch))

        def loss(self, logits, labels, ctx):
            return torch.nn.functional.cross_entropy(logits, labels, reduction="none")

        def state_dict(self):
            return {"n": 1}

        def load_state_dict(self, state):
            calls.append("state")

    method = Method(name="own", version=1, definition=Told, paper="", summary="")
    resolved = ResolvedMethod(method=method, parameters={})
    told(make("one", resolved, stop=after(4)))
    assert calls == [("start", 0), ("start", 1)]
    calls.clear()
    told(make("one", resolved))
    assert calls == [("start", 1), "state", ("start", 2)]
