"""The training loop: mmdet's losses, an optimizer, and a state that resumes bit for bit on a CPU.

A checkpoint is of any step: what an epoch draws depends on (train seed, epoch, image) and what a
pass draws on (train seed, iteration, pass), so that the rest of an epoch is as it would have been.

mmengine's Runner is not used: it keeps process-wide singletons by name and checkpoints that hold
pickled objects but no random-generator state, so neither a second run in one process nor a
resumed one would equal a fresh one.
"""

import math
import time
from collections.abc import Callable, Iterator
from statistics import median
from typing import Any

from torch.utils.data import DataLoader

from noisyseg.bench.training.checkpoint import Found, find_checkpoint, save_checkpoint
from noisyseg.bench.training.exchange import Exchange, of_the_first
from noisyseg.bench.training.frozen_features import kept_features
from noisyseg.bench.training.mask_tensors import collation
from noisyseg.bench.training.optimizer import make_optimizer
from noisyseg.bench.training.precision import computing
from noisyseg.bench.training.step import take_step
from noisyseg.bench.training.train_loader import EpochBatches, batches_from, train_loader
from noisyseg.bench.training.training import Batch, Start, StoppedError, Training
from noisyseg.bench.training.training_state import Progress, TrainingState
from noisyseg.bench.training.weight_average import WeightAverage

# A checkpoint is the disk's work and a GPU's waiting: short epochs are rather done again.
CHECKPOINT_SECONDS = 30.0
# Inside an epoch: what a long one may lose, against what its checkpoint costs (350 MB of an R-50).
MID_EPOCH_SECONDS = 600.0


EpochReport = Callable[[dict[str, Any]], None]
IterationReport = Callable[[float, float], None]


def train(
    training: Training,
    *,
    on_start: Callable[[int], None],
    on_epoch: EpochReport,
    on_iteration: IterationReport,
) -> float | None:
    """Train from the last checkpoint, if there is one, to the protocol's last epoch.

    Args:
        training: what to train and how.
        on_start: called once with the number of whole epochs that a checkpoint spared.
        on_epoch: called after each epoch, before its checkpoint, if it has one, with its number
            (0-based), mean losses and seconds.
        on_iteration: called with epochs done (a fraction) and the loss, after each optimizer step.
    Returns:
        The median time of an optimizer step in seconds, without the first, which warms up; None
        where no step was left to do.
    Raises:
        TrainingDivergedError: a loss became NaN or infinite, on this rank or on another.
        StoppedError: it, or another rank, was asked to stop; the same call goes on from there.
        RankLostError: another rank failed otherwise, or is gone.
        OSError: a checkpoint cannot be written or read.
    """
    model = training.detector.to(training.device)
    state = TrainingState(
        key=training.key,
        model=model,
        optimizer=make_optimizer(model, training.protocol["optimizer"]),
        average=WeightAverage(model, training.protocol),
        class_losses=training.class_losses,
        device=training.device,
    )
    loader = _loader(training)
    progress = _resume(training, state, steps=_steps(training, loader))
    on_start(progress.epoch)
    with computing(model, training.protocol), kept_features(model, training.device) as features:
        training.features = features
        epochs = _Epochs(training, state, progress, loader)
        while progress.epoch < training.protocol["epochs"]:
            epochs.next(on_epoch, on_iteration)
    seconds = epochs.step_seconds
    return median(seconds[1:] or seconds) if seconds else None


class _Epochs:
    """A training's epochs, one after the other.

    Attributes:
        step_seconds: of each step done here.
    """

    def __init__(
        self,
        training: Training,
        state: TrainingState,
        progress: Progress,
        loader: DataLoader[Any],
    ) -> None:
        self.step_seconds: list[float] = []
        self._training, self._state, self._progress = training, state, progress
        self._loader = loader
        self._exchange = Exchange(training.ranks, state.model, training.class_losses)
        self._passes = _passes(training)
        self._steps = _steps(training, loader)
        self._saved = time.perf_counter()

    def next(self, on_epoch: EpochReport, on_iteration: IterationReport) -> None:
        """Do an epoch, or what is left of it.

        Raises:
            StoppedError: the training was asked to stop.
        """
        training, progress = self._training, self._progress
        began = time.perf_counter() - progress.seconds
        _start_epoch(training, progress)
        stopping = self._train(began, on_iteration)
        self._exchange.all()
        # First the log: of a run stopped in between, the epoch is then done and told once more,
        # rather than never told.
        progress.seconds = round(time.perf_counter() - began, 3)
        totals = {**progress.totals, "seconds": progress.seconds}
        on_epoch({"epoch": progress.epoch, **totals, **_at_work(training)})
        self._state.average.end_epoch(progress.epoch)
        progress.end_epoch()
        # Before its own checkpoint: of a run stopped in between, the epoch is done once more.
        if (leave := training.leaves.get(progress.epoch)) is not None:
            leave(self._state.in_common(progress))
        due = _is_due(training, progress.epoch, time.perf_counter() - self._saved)
        (due,) = training.ranks.any(stopping or due)
        if due:
            self._save()
        if stopping:
            raise _stopped(progress)

    def _train(self, began: float, on_iteration: IterationReport) -> bool:
        """Do the steps that are left of the epoch; whether to stop after the last of them."""
        training, progress, steps = self._training, self._progress, self._steps
        stopping = False
        step_began = time.perf_counter()
        for share, batches in self._groups():
            number = progress.epoch * steps + progress.iteration
            losses = take_step(training, self._state.optimizer, batches, share, number, steps)
            progress.count(losses, steps)
            on_iteration(progress.epoch + progress.iteration / steps, losses["loss"])
            self.step_seconds.append(time.perf_counter() - step_began)
            due = time.perf_counter() - self._saved >= MID_EPOCH_SECONDS
            stopping, due = training.ranks.any(training.stop(), due)
            if progress.iteration < steps and (stopping or due):
                self._within(began, stopping=stopping)
            step_began = time.perf_counter()
        return stopping

    def _within(self, began: float, *, stopping: bool) -> None:
        """A checkpoint after a step that is not the epoch's last."""
        self._exchange.all()
        self._progress.seconds = time.perf_counter() - began
        self._save()
        if stopping:
            raise _stopped(self._progress)

    def _groups(self) -> Iterator[tuple[int, dict[int, Batch]]]:
        """Of each step that is left, its number of passes, and this rank's batches by their pass.

        The last step has the batches that are left.
        """
        passes, ranks = self._passes, self._training.ranks
        first = self._progress.iteration * passes
        batches = batches_from(self._loader, first)
        for begin in range(first, len(self._loader), passes):
            share = min(passes, len(self._loader) - begin)
            yield share, dict(zip(ranks.own(share), batches, strict=False))
        assert next(batches, None) is None  # or mmdet's sampler would keep what is left

    def _save(self) -> None:
        training = self._training
        if training.ranks.is_first:
            state = self._state.state_dict(self._progress)
            save_checkpoint(training.checkpoint, state, keep_all=training.keep_all)
        self._saved = time.perf_counter()


def _stopped(progress: Progress) -> StoppedError:
    after = f"epoch {progress.epoch}"
    if progress.iteration:
        after = f"iteration {progress.iteration} of epoch {progress.epoch + 1}"
    return StoppedError(f"asked to stop, after {after}; its checkpoint is written, to go on from")


def _passes(training: Training) -> int:
    """Forward passes of an optimizer step."""
    return int(training.protocol["batch_size"]) // int(training.protocol["micro_batch"])


def _steps(training: Training, loader: DataLoader[Any]) -> int:
    """Optimizer steps of an epoch."""
    return math.ceil(len(loader) / _passes(training))


def _resume(training: Training, state: TrainingState, *, steps: int) -> Progress:
    """Load the newest sound checkpoint, if there is one; steps: of an epoch."""
    found = Found()
    if training.ranks.is_first:
        found = find_checkpoint(training.checkpoint, key=training.key)
        # Or the next one that is saved would put it in the place of the sound one before it.
        for file in found.unsound:
            file.unlink(missing_ok=True)
    saved = of_the_first(training.ranks, found.state)
    progress = Progress() if saved is None else state.load_state_dict(saved)
    training.start = Start(
        epoch=progress.epoch,
        iteration=progress.iteration,
        fraction=progress.epoch + progress.iteration / steps,
        problems=found.problems,
        branched_from=state.branched_from,
    )
    return progress


def _is_due(training: Training, done: int, seconds: float) -> bool:
    """Whether the end of so many epochs is worth a checkpoint, seconds after the last one."""
    ends = {training.protocol["epochs"], *(loss.stage_end for loss in training.class_losses)}
    return done in ends or seconds >= CHECKPOINT_SECONDS


def _at_work(training: Training) -> dict[str, Any]:
    """What was seen of the class losses in the epoch, a report for each box head."""
    observers = [loss.at_work for loss in training.class_losses if loss.at_work is not None]
    return {"loss_at_work": [observer.report() for observer in observers]} if observers else {}


def _loader(training: Training) -> DataLoader[Any]:
    loader = train_loader(
        training.dataset,
        batch_size=training.protocol["micro_batch"],
        grouped=training.protocol["aspect_ratio_grouping"],
        workers=training.workers,
        pinned=training.device.type == "cuda",
        collate=collation(training.detector),
    )
    passes, batches = _passes(training), loader.batch_sampler
    assert isinstance(batches, EpochBatches)
    batches.own = lambda number: number % passes in training.ranks.own(passes)
    return loader


def _start_epoch(training: Training, progress: Progress) -> None:
    """Tell the epoch to whoever derives something from it, as a resumed run will."""
    training.dataset.epoch = progress.epoch
    training.detector.train()
    if progress.iteration:
        return  # the methods were told before they got the state that they had inside it
    for loss in training.class_losses:
        loss.start_epoch(progress.epoch)
