"""One run, end to end, in the process that calls: training, predictions, evaluation, record."""

import fcntl
import shutil
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, TypeVar, cast

from noisyseg.bench.runs import stages
from noisyseg.bench.runs.checkpoint_files import drop_the_one_before
from noisyseg.bench.runs.environment import describe_environment
from noisyseg.bench.runs.fault_kinds import fault_of, is_told_by_another
from noisyseg.bench.runs.heartbeat import Heartbeat
from noisyseg.bench.runs.process_output import output_to
from noisyseg.bench.runs.rehearsal import is_rehearsal
from noisyseg.bench.runs.run import (
    CHECKPOINTS,
    METHOD,
    OUTPUT,
    PREDICTIONS,
    Resources,
    Run,
)
from noisyseg.bench.runs.state import LOCK
from noisyseg.bench.runs.stop_signal import stop_signals
from noisyseg.bench.runs.training_note import (
    TrainingNote,
    clear_training_note,
    read_training_note,
    write_training_note,
)
from noisyseg.bench.runs.usage import forget_usage, metered, spent_on
from noisyseg.files import canonical_json, write_atomically
from noisyseg.results.records.faults import Fault
from noisyseg.results.records.record import Record, seal
from noisyseg.results.records.store import SPEC_NAME, RunStore, is_done

T = TypeVar("T")


def execute(run: Run, store: RunStore, resources: Resources) -> Record:
    """Train and evaluate run unless it is done; a failure becomes a record with its reason.

    Of several ranks it is the first that calls it, and the others call `assist`.
    """
    announce(run)
    with _alone_in(run.folder), stop_signals():
        record = _train(run, store, resources) or _evaluate(run, store)
        if is_done(record):
            _submit(run, resources)
        return record


def train(run: Run, store: RunStore, resources: Resources) -> Record | None:
    """The part of `execute` that a GPU is for; `evaluate` does the rest, in any process.

    Returns:
        The record of a run that has ended, done or failed; None if its evaluation is to be done.
    """
    announce(run)
    with _alone_in(run.folder), stop_signals():
        record = _train(run, store, resources)
        if record is None or is_done(record):
            _submit(run, resources)
        return record


def assist(run: Run, resources: Resources) -> None:
    """Train and predict along with the first rank of a run, which calls `execute` or `train`.

    It needs the run's data and weights, and no file of its store: of a checkpoint it is told by the
    first rank. It writes nothing but what its process prints, `rank-N.log` in the run's folder. The
    first rank may have nothing to train: whoever starts the ranks ends those that it left alone.

    It returns when all is done, and also when another rank has failed or the run was asked to stop:
    whoever failed tells of it, and the first rank's record of all.

    Raises:
        RankLostError: another rank is gone without a word, or did not come in time.
        Exception: whatever this rank failed by; the others end with it.
    """
    with output_to(run.folder / f"rank-{resources.rank}.log"), stop_signals():
        try:
            stages.assist(run, resources)
        except Exception as error:
            traceback.print_exc()
            if not is_told_by_another(error):
                raise


def evaluate(run: Run, store: RunStore) -> Record:
    """The rest of `execute` after `train`: from the run's predictions to its record."""
    with _alone_in(run.folder):
        return _done(run, store) or _evaluate(run, store)


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


def failure_fields(kind: str, message: str, fault: Fault) -> dict[str, Any]:
    """The fields of a record that say why a run failed: the exception, and the kind of fault."""
    return {
        "status": "failed",
        "metrics": None,
        "failure": {"type": kind, "message": message, "log": OUTPUT, "fault": fault},
        "checksums": dict.fromkeys(("manifest", "predictions", "log", "noisy_annotations")),
        "lineage": {},
        "timings": {},
    }


def crash_record(run: Run, kind: str, message: str, fault: Fault) -> Record:
    """A record of a failure that the run's own process could not write (it was killed)."""
    now = _now()
    fields = failure_fields(kind, message, fault)
    return seal({"spec": run.spec, "environment": {}, "started": now, "finished": now, **fields})


def record_crash(run: Run, store: RunStore, kind: str, message: str) -> Record:
    """Save such a record; a run that was done when its process died stays done."""
    earlier = _done(run, store)
    if earlier is not None:
        return earlier
    record = crash_record(run, kind, message, "other")
    store.save(record)
    return record


def _done(run: Run, store: RunStore) -> Record | None:
    record, _ = store.load_or_set_aside(run.spec)
    return record if record is not None and is_done(record) else None


def _train(run: Run, store: RunStore, resources: Resources) -> Record | None:
    """Train and predict, unless that was done; the record of a run that has ended."""
    done = _done(run, store)
    if done is not None or read_training_note(run) is not None:
        return done
    clear_training_note(run)  # what it told of is overwritten from here on
    started = _now()
    environment = describe_environment(device=resources.device, threads=resources.threads)

    def work(heartbeat: Heartbeat) -> None:
        fields = stages.train_and_predict(run, resources, heartbeat)
        note = {"key": run.key, "started": started, "environment": environment, **fields}
        write_training_note(run, cast("TrainingNote", note))

    try:
        _, failure = _attempt(run, work, resources)
    finally:
        if is_rehearsal(run.spec["protocol"]):
            shutil.rmtree(run.folder / CHECKPOINTS, ignore_errors=True)
    if failure is None:
        return None
    return _save(run, store, {"started": started, "environment": environment, **failure})


def _evaluate(run: Run, store: RunStore) -> Record:
    """From the run's predictions to its record; a failure leaves them to be evaluated again."""
    note = read_training_note(run)
    if note is None:
        reason = f"{run.folder / PREDICTIONS} is not what its training left there: run it again"
        return record_crash(run, store, "InputError", reason)
    began = time.perf_counter()
    found, failure = _attempt(run, lambda heartbeat: stages.metrics_of_predictions(run, heartbeat))
    fields: dict[str, Any] = {"started": note["started"], "environment": note["environment"]}
    if failure is not None:
        return _save(run, store, fields | failure)
    assert found is not None
    metrics, matches_sha256 = found
    timings = {**note["timings"], "evaluation": round(time.perf_counter() - began, 3)}
    fields |= {"status": "done", "metrics": metrics, "failure": None, "timings": timings}
    checksums = {**note["checksums"], "matches": matches_sha256}
    fields |= {"checksums": checksums, "lineage": note["lineage"]}
    record = _save(run, store, fields)
    clear_training_note(run)
    drop_the_one_before(run.folder)
    return record


def _attempt(
    run: Run, work: Callable[[Heartbeat], T], resources: Resources | None = None
) -> tuple[T, None] | tuple[None, dict[str, Any]]:
    """What work gives, or the fields of a record that say why it failed."""
    with output_to(run.output), metered(run.folder, resources) as note:
        heartbeat = Heartbeat(run.folder, epochs=run.spec["protocol"]["epochs"], also=note)
        try:
            return work(heartbeat), None
        except Exception as error:  # noqa: BLE001 (a run's one failure boundary)
            traceback.print_exc()
            message = str(error) or repr(error)
            return None, failure_fields(type(error).__name__, message, fault_of(error))
        finally:
            heartbeat.stop()


def _save(run: Run, store: RunStore, fields: dict[str, Any]) -> Record:
    record = seal({"spec": run.spec, "finished": _now(), "usage": spent_on(run.folder), **fields})
    store.save(record)
    if is_done(record):
        forget_usage(run.folder)
    return record


def _submit(run: Run, resources: Resources) -> None:
    """Write the submission of a run that is trained, unless it is there or not asked for.

    A failure is told in run.log, and by the file's absence: the run is no worse for it.
    """
    if not run.lacks_submission:
        return
    from noisyseg.bench.training.stack import load_stack

    load_stack()
    from noisyseg.bench.runs.session import predict_submission

    with output_to(run.output):
        try:
            predict_submission(run, resources)
        except Exception:  # noqa: BLE001 (a submission's one failure boundary)
            traceback.print_exc()


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
