"""One run, end to end, in the process that calls: training, predictions, evaluation, record."""

import fcntl
import shutil
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from noisyseg.bench.runs.environment import describe_environment
from noisyseg.bench.runs.epoch_log import EpochLog
from noisyseg.bench.runs.heartbeat import Heartbeat
from noisyseg.bench.runs.process_output import output_to
from noisyseg.bench.runs.rehearsal import is_rehearsal
from noisyseg.bench.runs.run import (
    CHECKPOINTS,
    LOG,
    MANIFEST,
    METHOD,
    OUTPUT,
    PREDICTIONS,
    STEP,
    Resources,
    Run,
)
from noisyseg.bench.runs.state import LOCK
from noisyseg.files import canonical_json, sha256_file, write_atomically
from noisyseg.results.records.record import Record, seal
from noisyseg.results.records.store import SPEC_NAME, RunStore, is_done


def execute(run: Run, store: RunStore, resources: Resources) -> Record:
    """Train and evaluate run unless it is done; a failure becomes a record with its reason."""
    announce(run)
    with _alone_in(run.folder):
        earlier, _ = store.load_or_set_aside(run.spec)
        if earlier is not None and is_done(earlier):
            _submit(run, resources)
            return earlier
        started = _now()
        environment = describe_environment(device=resources.device, threads=resources.threads)
        heartbeat = Heartbeat(run.folder, epochs=run.spec["protocol"]["epochs"])
        with output_to(run.output):
            try:
                fields = _train_and_evaluate(run, resources, heartbeat)
            except Exception as error:  # noqa: BLE001 (a run's one failure boundary)
                traceback.print_exc()
                fields = failure_fields(type(error).__name__, str(error) or repr(error))
            finally:
                heartbeat.stop()
                if is_rehearsal(run.spec["protocol"]):
                    shutil.rmtree(run.folder / CHECKPOINTS, ignore_errors=True)
        record = seal(
            {
                "spec": run.spec,
                "environment": environment,
                "started": started,
                "finished": _now(),
                **fields,
            }
        )
        store.save(record)
        if is_done(record):
            _submit(run, resources)
        return record


def announce(run: Run) -> None:
    """Write down that the run is planned, for whoever asks for the state of the store.

    A method of the user's own file is laid beside: its hash alone would tell nobody what it was.
    """
    contents = {SPEC_NAME: canonical_json(run.spec)}
    if run.method_source is not None:
        contents[METHOD] = run.method_source.content
    for name, content in contents.items():
        path = run.folder / name
        if not path.is_file() or path.read_bytes() != content:
            write_atomically(path, content)


def failure_fields(kind: str, message: str) -> dict[str, Any]:
    """The fields of a record that say why a run failed."""
    return {
        "status": "failed",
        "metrics": None,
        "failure": {"type": kind, "message": message, "log": OUTPUT},
        "checksums": dict.fromkeys(("manifest", "predictions", "log", "noisy_annotations")),
        "lineage": {},
        "timings": {},
    }


def record_crash(run: Run, store: RunStore, kind: str, message: str) -> Record:
    """Record a failure that the run's own process could not (it was killed).

    A run that was done when its process died stays done.
    """
    earlier, _ = store.load_or_set_aside(run.spec)
    if earlier is not None and is_done(earlier):
        return earlier
    now = _now()
    fields = failure_fields(kind, message)
    record = seal({"spec": run.spec, "environment": {}, "started": now, "finished": now, **fields})
    store.save(record)
    return record


def _train_and_evaluate(run: Run, resources: Resources, heartbeat: Heartbeat) -> dict[str, Any]:
    # Imported here: listing, planning and tables must not wait for mmdet.
    from noisyseg.bench.training.stack import load_stack

    load_stack()
    from noisyseg.bench.runs.session import predict_run, train_run
    from noisyseg.results.evaluation.evaluation import evaluate
    from noisyseg.results.evaluation.predictions import read_predictions

    manifest_sha256 = _copy_manifest(run)
    clock = time.perf_counter()
    log = EpochLog(run.folder / LOG)
    training = train_run(run, resources, heartbeat=heartbeat, log=log)
    trained = time.perf_counter()
    heartbeat.evaluating()
    predictions_sha256 = predict_run(run, training.detector, resources)
    predicted = time.perf_counter()
    # From the file, not from memory: the number is one that the file gives to anybody.
    metrics = evaluate(
        run.eval_annotations,
        read_predictions(run.folder / PREDICTIONS),
        classes=run.spec["data"]["classes"],
        checked=True,  # before anything was trained
    )
    evaluated = time.perf_counter()
    step = training.step_seconds
    return {
        "status": "done",
        "metrics": metrics,
        "failure": None,
        "checksums": {
            "manifest": manifest_sha256,
            "predictions": predictions_sha256,
            "log": sha256_file(run.folder / LOG),
            "noisy_annotations": sha256_file(run.train_annotations) if run.manifest else None,
        },
        "lineage": {"resumed_from_epoch": training.epochs_spared},
        "timings": {
            "training": round(trained - clock, 3),
            "prediction": round(predicted - trained, 3),
            "evaluation": round(evaluated - predicted, 3),
            **({} if step is None else {STEP: round(step, 4)}),
        },
    }


def _submit(run: Run, resources: Resources) -> None:
    """Write the submission of a run that is done, unless it is there or not asked for."""
    if not run.lacks_submission:
        return
    from noisyseg.bench.training.stack import load_stack

    load_stack()
    from noisyseg.bench.runs.session import predict_submission

    with output_to(run.output):
        try:
            predict_submission(run, resources)
        except Exception:
            traceback.print_exc()
            raise


def _copy_manifest(run: Run) -> str | None:
    if run.manifest is None:
        return None
    write_atomically(run.folder / MANIFEST, run.manifest.read_bytes())
    return sha256_file(run.folder / MANIFEST)


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Wait until no other process works on the run.

    A driver killed with -9 leaves busy workers for some seconds, in which it may be called again.
    """
    with (folder / LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
