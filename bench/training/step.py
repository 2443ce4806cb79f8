"""One optimizer step of a training: its forward passes, and what a loss that is no number ends."""

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch

from noisyseg.bench.training.exchange import sum_gradients
from noisyseg.bench.training.mask_tensors import preprocessed
from noisyseg.bench.training.optimizer import set_learning_rate
from noisyseg.bench.training.precision import layers
from noisyseg.bench.training.ranks import RankLostError
from noisyseg.bench.training.streams import stream_seed
from noisyseg.bench.training.training import Batch, Training, TrainingDivergedError


def take_step(
    training: Training,
    optimizer: torch.optim.Optimizer,
    batches: Mapping[int, Batch],
    share: int,
    iteration: int,
    iterations_per_epoch: int,
) -> dict[str, float]:
    """One optimizer step by the mean gradient of some forward passes; returns their mean losses.

    Each pass normalises its own losses, as each GPU does in distributed training. There are `share`
    of them, of which this rank does those whose batches it has, by their number.
    """
    protocol = training.protocol
    set_learning_rate(optimizer, protocol, iteration, iterations_per_epoch)
    for loss in training.class_losses:
        loss.within_epoch = iteration % iterations_per_epoch / iterations_per_epoch
    optimizer.zero_grad()
    means: dict[str, float] = defaultdict(float)
    for number, batch in batches.items():
        # So that a pass draws the same wherever it is done, and whatever was done before.
        _seed(training.device, stream_seed(training.train_seed, "pass", iteration, number))
        values = _pass(training, batch, share=share)
        if not math.isfinite(values["loss"]):
            epoch = iteration // iterations_per_epoch + 1
            raise TrainingDivergedError(
                f"the loss became {values['loss']} at iteration {iteration + 1} (epoch {epoch}). "
                + _cause(training)
            )
        for name, value in values.items():
            means[name] += value / share
    trained = optimizer.param_groups[0]["params"]
    with _divergence_elsewhere():
        losses = sum_gradients(training.ranks, trained, dict(means))
    if protocol["gradient_clip"] is not None:
        torch.nn.utils.clip_grad_norm_(trained, protocol["gradient_clip"])
    optimizer.step()
    return losses


@contextmanager
def _divergence_elsewhere() -> Iterator[None]:
    """A loss that is not finite is told as that on every rank."""
    try:
        yield
    except RankLostError as error:
        if error.kind == TrainingDivergedError.__name__:
            raise TrainingDivergedError(error.reason) from error
        raise


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
