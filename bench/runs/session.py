"""A run's training and its predictions: the run's data handed to detector, loop and data sets."""

import sys
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import orjson
import torch
from torch import nn

from noisyseg.bench.datasets.split import Split
from noisyseg.bench.runs.branching import Trunk, begin_branch
from noisyseg.bench.runs.checkpoint_files import REMOVED
from noisyseg.bench.runs.epoch_log import EpochLog
from noisyseg.bench.runs.heartbeat import Heartbeat
from noisyseg.bench.runs.rehearsal import image_limits
from noisyseg.bench.runs.run import PREDICTIONS, Resources, Run
from noisyseg.bench.runs.run_method import planned_method, put_run_method
from noisyseg.bench.runs.stop_signal import is_stop_asked
from noisyseg.bench.runs.watchdog import Watchdog
from noisyseg.bench.training.checkpoint import load_checkpoint
from noisyseg.bench.training.detector import build_detector
from noisyseg.bench.training.loop import train
from noisyseg.bench.training.prediction import predict
from noisyseg.bench.training.ranks import ALONE, Ranks
from noisyseg.bench.training.run_dataset import RunDataset, evaluation_dataset, train_dataset
from noisyseg.bench.training.streams import stream_seed
from noisyseg.bench.training.training import Start, Training
from noisyseg.errors import InputError
from noisyseg.files import sha256_file
from noisyseg.results.evaluation.predictions import write_predictions
from noisyseg.results.evaluation.submission import write_submission


@dataclass(kw_only=True, slots=True, frozen=True)
class Trained:
    """A detector at the end of its training.

    Attributes:
        lineage: what the record says of the checkpoint that it began from, its own or another's.
        step_seconds: median time of an optimizer step; None if none was left to do.
    """

    detector: nn.Module
    lineage: dict[str, Any]
    step_seconds: float | None


def train_run(
    run: Run,
    resources: Resources,
    *,
    heartbeat: Heartbeat,
    log: EpochLog,
    ranks: Ranks = ALONE,
) -> Trained:
    """Train the run's detector, from its last checkpoint if there is one."""
    training = prepared_training(run, resources, ranks)
    not_branched = begin_branch(run, planned_method(run), training.class_losses)
    trunk = Trunk(run, training.class_losses)
    training.leaves = trunk.leaves

    def on_start(epochs_done: int) -> None:
        for problem in training.start.problems:
            sys.stderr.write(f"{problem}\n")
        images = len(training.dataset)
        heartbeat.start(training.start.fraction, images=images, device=resources.device)
        log.start(epochs_done)
        trunk.start(epochs_done)
        watchdog.step()

    def on_epoch(report: dict[str, Any]) -> None:
        log.epoch(report)
        trunk.epoch(report)

    def on_iteration(epochs_done: float, loss: float) -> None:
        watchdog.step()
        heartbeat.training(epochs_done, loss)

    watchdog = Watchdog(resources.step_limit, sys.stderr)
    try:
        seconds = train(training, on_start=on_start, on_epoch=on_epoch, on_iteration=on_iteration)
    finally:
        watchdog.stop()
    return Trained(
        detector=training.detector,
        lineage=_lineage(training.start, not_branched),
        step_seconds=seconds,
    )


def prepared_training(run: Run, resources: Resources, ranks: Ranks) -> Training:
    """The run's detector, data and method, put together."""
    spec = run.spec
    detector = _initial_detector(run, resources)
    dataset = train_dataset(
        run.train_annotations,
        run.train_images,
        classes=spec["data"]["classes"],
        image=spec["protocol"]["image"],
        train_seed=spec["train_seed"],
        limit=image_limits(spec["protocol"])[0],
    )
    check_labels(dataset, run)
    return Training(
        key=run.key,
        detector=detector,
        class_losses=put_run_method(run, detector),
        dataset=dataset,
        protocol=spec["protocol"],
        train_seed=spec["train_seed"],
        device=torch.device(resources.device),
        checkpoint=run.checkpoint,
        workers=resources.loader_workers,
        keep_all=resources.keep_checkpoints,
        stop=is_stop_asked,
        ranks=ranks,
    )


def _lineage(start: Start, not_branched: str | None) -> dict[str, Any]:
    lineage: dict[str, Any] = {"resumed_from_epoch": start.epoch}
    if start.branched_from is not None:
        lineage["branched_from"] = start.branched_from
    if not_branched is not None:
        lineage["not_branched"] = not_branched
    if start.iteration:
        lineage["resumed_from_iteration"] = start.iteration
    if start.problems:
        lineage["checkpoint_problems"] = list(start.problems)
    return lineage


def trained_detector(run: Run, resources: Resources) -> nn.Module:
    """The detector of a run that is done, from its last checkpoint.

    Raises:
        InputError: the checkpoint is gone, or is not of the training's end.
    """
    state = load_checkpoint(run.checkpoint, key=run.key)
    if state is None or state["epoch"] != run.spec["protocol"]["epochs"]:
        gone = run.checkpoint.with_name(REMOVED).is_file()
        why = ": `noisyseg store clean` removed them" if gone else ""
        raise InputError(
            f"the run is done, but {run.checkpoint} does not hold its trained weights{why}. "
            f"Remove {run.folder} to train it again."
        )
    detector = _initial_detector(run, resources)
    detector.load_state_dict(state["model"])
    return detector.to(torch.device(resources.device))


def _initial_detector(run: Run, resources: Resources) -> nn.Module:
    torch.set_num_threads(resources.threads)
    spec = run.spec
    return build_detector(
        spec["model"]["detector"],
        num_classes=len(spec["data"]["classes"]),
        seed=stream_seed(spec["train_seed"], "initial weights"),
        weights=run.weights,
    )


def predict_run(run: Run, detector: nn.Module, resources: Resources, ranks: Ranks = ALONE) -> str:
    """Write the detector's predictions for the evaluation images; returns the file's SHA-256."""
    split = Split(annotations=run.eval_annotations, images=run.eval_images)
    found = detections(run, detector, split, resources, ranks)
    return write_predictions(
        run.folder / PREDICTIONS,
        list(chain.from_iterable(found.values())),
        image_ids=list(found),
        annotation_sha256=sha256_file(run.eval_annotations),
    )


def predict_submission(run: Run, resources: Resources) -> None:
    """Write the trained detector's masks for the submission's images, as COCO's server wants them.

    Raises:
        InputError: as `trained_detector`.
    """
    assert run.submission is not None
    found = detections(run, trained_detector(run, resources), run.submission, resources)
    write_submission(run.submission_file, list(chain.from_iterable(found.values())))


def detections(
    run: Run, detector: nn.Module, split: Split, resources: Resources, ranks: Ranks = ALONE
) -> dict[int, list[dict[str, Any]]]:
    """What is found in each of a split's images, in the file's order."""
    dataset = evaluation_dataset(
        split.annotations,
        split.images,
        classes=run.spec["data"]["classes"],
        image=run.spec["protocol"]["image"],
        limit=image_limits(run.spec["protocol"])[1],
    )
    return predict(
        detector,
        dataset,
        category_ids=check_labels(dataset, run),
        protocol=run.spec["protocol"],
        workers=resources.loader_workers,
        ranks=ranks,
    )


def check_labels(dataset: RunDataset, run: Run) -> dict[int, int]:
    """Class index → the file's category id, as mmdet maps it; it must be the run's own order.

    mmdet orders labels by the file's categories, whatever order the classes are given in, and
    leaves out a name that the file lacks.
    """
    by_name = {entry["name"]: entry["id"] for entry in _categories(dataset)}
    wanted = {by_name[name]: index for index, name in enumerate(run.spec["data"]["classes"])}
    if dict(dataset.cat2label) != wanted:
        raise RuntimeError(f"mmdet's labels {dataset.cat2label} are not the run's {wanted}.")
    return {index: category for category, index in wanted.items()}


def _categories(dataset: RunDataset) -> list[dict[str, Any]]:
    if dataset.indexed is not None:
        return dataset.indexed.index.categories
    found: list[dict[str, Any]] = orjson.loads(Path(dataset.ann_file).read_bytes())["categories"]
    return found
