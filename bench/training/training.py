"""What a training is given, where it begins, and what ends it early."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from noisyseg.bench.training.class_loss import MethodLoss
from noisyseg.bench.training.frozen_features import FrozenFeatures
from noisyseg.bench.training.ranks import ALONE, Ranks
from noisyseg.bench.training.run_dataset import RunDataset

Batch = dict[str, Any]


class TrainingDivergedError(RuntimeError):
    """The loss is no longer a finite number."""


class StoppedError(RuntimeError):
    """A training was asked to stop, and did; its checkpoint is of that very step."""


@dataclass(kw_only=True, slots=True, frozen=True)
class Start:
    """Where a training begins.

    Attributes:
        epoch: whole epochs that a checkpoint spared.
        iteration: optimizer steps of the next one that it spared, too.
        fraction: both together, in epochs.
        problems: a sentence for each checkpoint that was passed over.
        branched_from: what that checkpoint says of another run that it is from; None: its own.
    """

    epoch: int = 0
    iteration: int = 0
    fraction: float = 0.0
    problems: tuple[str, ...] = ()
    branched_from: dict[str, Any] | None = None


@dataclass(kw_only=True, slots=True)
class Training:
    """Everything a training needs.

    Attributes:
        key: the run's; a checkpoint of another run is not resumed.
        protocol: resolved values of the protocol.
        class_losses: the method in each box head, told the epoch as it begins, and how
            much of it is done before each iteration.
        checkpoint: the file of the last state that was worth keeping, `last.pth` in a folder of
            the run's own.
        workers: data-loader processes; they do not change the result.
        stop: asked after each optimizer step whether to leave now.
        keep_all: whether a checkpoint of an epoch's end stays when the next one is written.
        leaves: epochs done, and who is then given the state that other runs have in common with it.
        ranks: that train together, of which this is one; the first alone reads and writes
            checkpoints.
        features: of a frozen backbone, which the loop puts here while it trains.
        start: what it began from, which the loop puts here before `on_start` is called.
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
    stop: Callable[[], bool] = lambda: False
    keep_all: bool = False
    leaves: Mapping[int, Callable[[dict[str, Any]], None]] = field(default_factory=dict)
    ranks: Ranks = ALONE
    features: FrozenFeatures | None = None
    start: Start = Start()
