"""The two parts of a run's work: training with predictions, and their evaluation."""

import time
from typing import Any

from noisyseg.bench.runs.epoch_log import EpochLog
from noisyseg.bench.runs.heartbeat import Heartbeat
from noisyseg.bench.runs.run import LOG, MANIFEST, MATCHES, PREDICTIONS, STEP, Resources, Run
from noisyseg.files import sha256_file, write_atomically


def train_and_predict(run: Run, resources: Resources, heartbeat: Heartbeat) -> dict[str, Any]:
    """Train the run and write its predictions; the fields of a record that are known then."""
    heartbeat.preparing()
    # Imported here: listing, planning, tables and evaluation must not wait for mmdet.
    from noisyseg.bench.training.stack import load_stack

    load_stack()
    from noisyseg.bench.runs.assistance import ranks_of
    from noisyseg.bench.runs.session import predict_run, train_run

    manifest_sha256 = _copy_manifest(run)
    clock = time.perf_counter()
    log = EpochLog(run.folder / LOG)
    with ranks_of(run, resources) as ranks:
        training = train_run(run, resources, heartbeat=heartbeat, log=log, ranks=ranks)
        trained = time.perf_counter()
        heartbeat.evaluating()
        predictions_sha256 = predict_run(run, training.detector, resources, ranks)
    predicted = time.perf_counter()
    step = training.step_seconds
    return {
        "checksums": {
            "manifest": manifest_sha256,
            "predictions": predictions_sha256,
            "log": sha256_file(run.folder / LOG),
            "noisy_annotations": sha256_file(run.train_annotations) if run.manifest else None,
        },
        "lineage": training.lineage,
        "timings": {
            "training": round(trained - clock, 3),
            "prediction": round(predicted - trained, 3),
            **({} if step is None else {STEP: round(step, 4)}),
        },
    }


def assist(run: Run, resources: Resources) -> None:
    """Do a rank's part of `train_and_predict`; the first rank has what comes of it."""
    from noisyseg.bench.training.stack import load_stack

    load_stack()
    from noisyseg.bench.runs.assistance import assist_run, ranks_of

    with ranks_of(run, resources) as ranks:
        assist_run(run, resources, ranks)


def metrics_of_predictions(run: Run, heartbeat: Heartbeat) -> tuple[dict[str, Any], str]:
    """What the run's predictions, as their file has them, come to; their matches are written.

    Returns:
        The metrics, and the SHA-256 of the file of matches.
    """
    from noisyseg.results.evaluation.evaluation import evaluate, mask_matches
    from noisyseg.results.evaluation.matches_file import write_matches
    from noisyseg.results.evaluation.predictions import read_predictions

    heartbeat.evaluating()
    # From the file, not from memory: the number is one that the file gives to anybody.
    predictions = read_predictions(run.folder / PREDICTIONS)
    classes = run.spec["data"]["classes"]
    # The annotations were checked before anything was trained.
    metrics = evaluate(run.eval_annotations, predictions, classes=classes, checked=True)
    matches = mask_matches(
        run.eval_annotations, predictions, classes=classes, tool=metrics["tool"], checked=True
    )
    matches_sha256 = write_matches(
        run.folder / MATCHES,
        matches,
        predictions_sha256=sha256_file(run.folder / PREDICTIONS),
    )
    return metrics, matches_sha256


def _copy_manifest(run: Run) -> str | None:
    if run.manifest is None:
        return None
    write_atomically(run.folder / MANIFEST, run.manifest.read_bytes())
    return sha256_file(run.folder / MANIFEST)
