"""A run's training and its predictions: the run's data handed to detector, loop and data sets."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import torch
from torch import nn

from noisyseg.bench.grid import Run
from noisyseg.bench.heartbeat import Heartbeat
from noisyseg.bench.training.class_loss import put_method
from noisyseg.bench.training.detector import build_detector
from noisyseg.bench.training.loop import Training, train
from noisyseg.bench.training.prediction import predict
from noisyseg.bench.training.run_dataset import RunDataset, test_dataset, train_dataset
from noisyseg.bench.training.streams import stream_seed
from noisyseg.files import sha256_file
from noisyseg.methods.registry import resolve
from noisyseg.results.predictions import write_predictions

if TYPE_CHECKING:
    from noisyseg.bench.execution import EpochLog, Resources


def train_run(
    run: Run, resources: "Resources", *, heartbeat: Heartbeat, log: "EpochLog"
) -> tuple[nn.Module, int]:
    """Train the run's detector, from its last checkpoint if there is one.

    Returns:
        The detector, and the number of epochs that a checkpoint spared.
    """
    spec = run.spec
    torch.set_num_threads(resources.threads)
    device = torch.device(resources.device)
    detector = build_detector(
        spec["model"]["detector"],
        num_classes=len(spec["data"]["classes"]),
        seed=stream_seed(spec["train_seed"], "initial weights"),
        weights=run.weights,
    )
    method = resolve(spec["method"]["name"], spec["method"]["parameters"])
    epochs = spec["protocol"]["epochs"]
    dataset = train_dataset(
        run.train_annotations,
        run.train_images,
        classes=spec["data"]["classes"],
        image=spec["protocol"]["image"],
        train_seed=spec["train_seed"],
    )
    check_labels(dataset, run)
    training = Training(
        key=run.key,
        detector=detector,
        class_losses=put_method(detector, method, num_epochs=epochs),
        dataset=dataset,
        protocol=spec["protocol"],
        train_seed=spec["train_seed"],
        device=device,
        checkpoint=run.folder / "checkpoints" / "last.pth",
        workers=resources.loader_workers,
    )
    spared = 0

    def on_start(epochs_done: int) -> None:
        nonlocal spared
        spared = epochs_done
        heartbeat.start(epochs_done)
        log.start(epochs_done)

    train(training, on_start=on_start, on_epoch=log.epoch, on_iteration=heartbeat.training)
    return detector, spared


def predict_run(run: Run, detector: nn.Module, path: Path) -> str:
    """Write the detector's predictions for the evaluation images; returns the file's SHA-256."""
    classes = run.spec["data"]["classes"]
    dataset = test_dataset(
        run.eval_annotations,
        run.eval_images,
        classes=classes,
        image=run.spec["protocol"]["image"],
    )
    category_ids = check_labels(dataset, run)
    image_ids: list[int] = []
    detections: list[dict[str, Any]] = []
    for image_id, found in predict(detector, dataset, category_ids=category_ids):
        image_ids.append(image_id)
        detections += found
    return write_predictions(
        path,
        detections,
        image_ids=image_ids,
        annotation_sha256=sha256_file(run.eval_annotations),
    )


def check_labels(dataset: RunDataset, run: Run) -> dict[int, int]:
    """Class index → the file's category id, as mmdet maps it; it must be the run's own order.

    mmdet orders labels by the file's categories, whatever order the classes are given in, and
    leaves out a name that the file lacks.
    """
    categories = orjson.loads(Path(dataset.ann_file).read_bytes())["categories"]
    by_name = {entry["name"]: entry["id"] for entry in categories}
    wanted = {by_name[name]: index for index, name in enumerate(run.spec["data"]["classes"])}
    if dict(dataset.cat2label) != wanted:
        raise RuntimeError(f"mmdet's labels {dataset.cat2label} are not the run's {wanted}.")
    return {index: category for category, index in wanted.items()}
