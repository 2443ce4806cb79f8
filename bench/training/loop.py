"""The training loop: mmdet's losses, an optimizer, and a state that resumes bit for bit on a CPU.

mmengine's Runner is not used: it keeps process-wide singletons by name and checkpoints that hold
pickled objects but no random-generator state, so neither a second run in one process nor a
resumed one would equal a fresh one.
"""

import math
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import nn
from torch.utils.data import DataLoader

from noisyseg.bench.training.checkpoint import load_checkpoint, save_checkpoint
from noisyseg.bench.training.class_loss import MethodLoss
from noisyseg.bench.training.frozen_features import FrozenFeatures, kept_features
from noisyseg.bench.training.mask_tensors import collation, preprocessed
from noisyseg.bench.training.optimizer import make_optimizer, set_learning_rate
from noisyseg.bench.training.precision import computing, layers
from noisyseg.bench.training.run_dataset import RunDataset, train_loader
from noisyseg.bench.training.streams import stream_seed
from noisyseg.bench.training.weight_average import WeightAverage

# A checkpoint is the disk's work and a GPU's waiting: short epochs are rather done again.
CHECKPOINT_SECONDS = 30.0


State = dict[str, Any]
"""Tensors and plain values."""


class TrainingDivergedError(RuntimeError):
    """The loss is no longer a finite number."""


@dataclass(kw_only=True, slots=True)
class Training:
    """Everything a training needs.

    Attributes:
        key: the run's; a checkpoint of another run is not resumed.
        protocol: resolved values of the protocol.
        class_losses: the method in each box head, told the epoch as it begins, and how
            much of it is done before each iteration.
        checkpoint: the file that holds the state of the last epoch that was worth keeping.
        workers: data-loader processes; they do not change the result.
        beginning: asked, where there is no checkpoint, for the state after some epochs that another
            run had in common with this one (without key and methods); None: begin at the start.
        leaves: epochs done, and who is given such a state then.
        branched_from: what that state says of where it came from; the loop puts it here.
        features: of a frozen backbone, which the loop puts here while it trains.
    """

    key: str
    detector: nn.Module
    class_losses: list[MethodLoss]
    dataset: RunDataset
    protocol: Mapping[str, Any]
    train_seed: int
    device: torch.device
    checkpoint: Path
    workers: int = 0
    beginning: Callable[[], State | None] = lambda: None
    leaves: Mapping[int, Callable[[State], None]] = field(default_factory=dict)
    branched_from: dict[str, Any] | None = None
    features: FrozenFeatures | None = None


Batch = dict[str, Any]
EpochReport = Callable[[dict[str, Any]], None]


def train(
    training: Training,
    *,
    on_start: Callable[[int], None],
    on_epoch: EpochReport,
    on_iteration: Callable[[float, float], None],
) -> float | None:
    """Train from the last checkpoint, if there is one, to the protocol's last epoch.

    Args:
        training: what to train and how.
        on_start: called once with the number of epochs that a checkpoint spared.
        on_epoch: called after each epoch, before its checkpoint, if it has one, with its number
            (0-based), mean losses and seconds.
        on_iteration: called with epochs done (a fraction) and the loss, after each optimizer step.
    Returns:
        The median time of an optimizer step in seconds, without the first, which warms up; None
        where no step was left to do.
    Raises:
        TrainingDivergedError: a loss became NaN or infinite.
    """
    model = training.detector.to(training.device)
    optimizer = make_optimizer(model, training.protocol["optimizer"])
    average = WeightAverage(model, training.protocol)
    start = _resume(training, optimizer, average)
    on_start(start)
    with computing(model, training.protocol), kept_features(model, training.device) as features:
        training.features = features
        seconds = _epochs(training, optimizer, average, start, on_epoch, on_iteration)
    return median(seconds[1:] or seconds) if seconds else None


def _epochs(
    training: Training,
    optimizer: torch.optim.Optimizer,
    average: WeightAverage,
    start: int,
    on_epoch: EpochReport,
    on_iteration: Callable[[float, float], None],
) -> list[float]:
    """Train to the last epoch; returns the seconds of each step."""
    protocol, loader = training.protocol, _loader(training)
    passes = protocol["batch_size"] // protocol["micro_batch"]
    steps = math.ceil(len(loader) / passes)
    seconds: list[float] = []
    saved = time.perf_counter()
    for epoch in range(start, protocol["epochs"]):
        began = time.perf_counter()
        _start_epoch(training, epoch)
        totals: dict[str, float] = defaultdict(float)
        step_began = began
        for step, batches in enumerate(_groups(loader, passes)):
            losses = _step(training, optimizer, batches, epoch * steps + step, steps)
            for name, value in losses.items():
                totals[name] += value / steps
            on_iteration(epoch + (step + 1) / steps, losses["loss"])
            seconds.append(time.perf_counter() - step_began)
            step_began = time.perf_counter()
        # First the log: of a run stopped in between, the epoch is then done and told once more,
        # rather than never told.
        seconds_taken = round(time.perf_counter() - began, 3)
        on_epoch({"epoch": epoch, **totals, "seconds": seconds_taken, **_at_work(training)})
        average.end_epoch(epoch)
        # Before its own checkpoint: of a run stopped in between, the epoch is done once more.
        if (leave := training.leaves.get(epoch + 1)) is not None:
            leave(_shared_state(training, optimizer, average, epoch + 1))
        if _is_due(training, epoch + 1, time.perf_counter() - saved):
            _save(training, optimizer, average, epoch)
            saved = time.perf_counter()
    return seconds


def _is_due(training: Training, done: int, seconds: float) -> bool:
    """Whether the end of so many epochs is worth a checkpoint, seconds after the last one."""
    ends = {training.protocol["epochs"], *(loss.stage_end for loss in training.class_losses)}
    return done in ends or seconds >= CHECKPOINT_SECONDS


def _at_work(training: Training) -> dict[str, Any]:
    """What was seen of the class losses in the epoch, a report for each box head."""
    observers = [loss.at_work for loss in training.class_losses if loss.at_work is not None]
    return {"loss_at_work": [observer.report() for observer in observers]} if observers else {}


def _loader(training: Training) -> DataLoader[Any]:
    return train_loader(
        training.dataset,
        batch_size=training.protocol["micro_batch"],
        grouped=training.protocol["aspect_ratio_grouping"],
        workers=training.workers,
        pinned=training.device.type == "cuda",
        collate=collation(training.detector),
    )


def _groups(loader: Iterable[Batch], size: int) -> Iterator[list[Batch]]:
    """The loader's batches, so many at a time; the last group has what is left."""
    batches = iter(loader)
    while group := list(islice(batches, size)):
        yield group


def _start_epoch(training: Training, epoch: int) -> None:
    """Tell the epoch to whoever derives something from it, as a resumed run will."""
    training.dataset.epoch = epoch
    for loss in training.class_losses:
        loss.start_epoch(epoch)
    training.detector.train()


def _step(
    training: Training,
    optimizer: torch.optim.Optimizer,
    batches: Sequence[Batch],
    iteration: int,
    iterations_per_epoch: int,
) -> dict[str, float]:
    """One optimizer step by the mean gradient of some forward passes; returns their mean losses.

    Each pass normalises its own losses, as each GPU does in distributed training.
    """
    protocol = training.protocol
    set_learning_rate(optimizer, protocol, iteration, iterations_per_epoch)
    for loss in training.class_losses:
        loss.within_epoch = iteration % iterations_per_epoch / iterations_per_epoch
    optimizer.zero_grad()
    means: dict[str, float] = defaultdict(float)
    for number, batch in enumerate(batches):
        # So that a pass draws the same wherever it is done, and whatever was done before.
        _seed(training.device, stream_seed(training.train_seed, "pass", iteration, number))
        values = _pass(training, batch, share=len(batches))
        if not math.isfinite(values["loss"]):
            epoch = iteration // iterations_per_epoch + 1
            raise TrainingDivergedError(
                f"the loss became {values['loss']} at iteration {iteration + 1} (epoch {epoch}). "
                + _cause(training)
            )
        for name, value in values.items():
            means[name] += value / len(batches)
    if protocol["gradient_clip"] is not None:
        trained = optimizer.param_groups[0]["params"]
        torch.nn.utils.clip_grad_norm_(trained, protocol["gradient_clip"])
    optimizer.step()
    return dict(means)


def _seed(device: torch.device, seed: int) -> None:
    """As torch.manual_seed, which takes a millisecond to look for devices that are not there."""
    if device.type == "cpu":
        torch.default_generator.manual_seed(seed)
    else:
        torch.manual_seed(seed)


def _cause(training: Training) -> str:
    """What to do about a loss that is not finite."""
    for loss in training.class_losses:
        if loss.gave_nonfinite:
            return f"Method {loss.name!r} gave it for finite logits: `{loss.check}` says for which."
    return "A lower learning rate or a longer warm-up in the protocol usually mends this."


def _pass(training: Training, batch: Batch, *, share: int) -> dict[str, float]:
    """Forward and backward; adds the gradient of loss / share."""
    model: Any = training.detector
    data = preprocessed(model, batch)
    for loss in training.class_losses:
        loss.gt_annotation_ids = [
            sample.gt_instances.annotation_ids for sample in data.get("data_samples", ())
        ]
    if training.features is not None:
        training.features.announce(data["data_samples"])
    with layers(training.protocol, training.device):
        total, losses = model.parse_losses(model(**data, mode="loss"))
    (total / share).backward()
    # Read last and at once: each reading makes the CPU wait for all that a GPU has yet to do.
    values = torch.stack([value.detach().float().reshape(()) for value in losses.values()])
    return dict(zip(losses, values.tolist(), strict=True))


def _save(
    training: Training, optimizer: torch.optim.Optimizer, average: WeightAverage, epoch: int
) -> None:
    state = {
        "key": training.key,
        **_shared_state(training, optimizer, average, epoch + 1),
        "methods": [loss.method.state_dict() for loss in training.class_losses],
        "branched_from": training.branched_from,
    }
    save_checkpoint(training.checkpoint, state)


def _shared_state(
    training: Training, optimizer: torch.optim.Optimizer, average: WeightAverage, done: int
) -> State:
    """The state after so many epochs, as far as it is not the run's or its method's own."""
    return {
        "epoch": done,
        "model": training.detector.state_dict(),
        "optimizer": optimizer.state_dict(),
        "average": average.state_dict(),
    }


def _resume(training: Training, optimizer: torch.optim.Optimizer, average: WeightAverage) -> int:
    """Load the last checkpoint, or what is begun from; returns the number of epochs done."""
    state = load_checkpoint(training.checkpoint, key=training.key)
    own = state is not None
    state = state if own else training.beginning()
    if state is None:
        return 0
    training.detector.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    average.load_state_dict(state.get("average", {}))  # earlier checkpoints have none
    training.branched_from = state.get("branched_from")
    if own:
        for loss, method in zip(training.class_losses, state["methods"], strict=True):
            loss.method.load_state_dict(method)
    else:  # from now on it is a run like any other
        _save(training, optimizer, average, state["epoch"] - 1)
    return int(state["epoch"])
