"""What becomes of a run when a job of it has ended."""

from datetime import datetime

from noisyseg.bench.cluster.driver_package import mismatch
from noisyseg.bench.cluster.fault_policy import FaultPolicy, is_from_outside
from noisyseg.bench.cluster.ground import Ground
from noisyseg.bench.cluster.jobs import Job, Outcome
from noisyseg.bench.cluster.stopping import Stopping
from noisyseg.bench.runs.crash import add_to_output, is_hung, progress_of
from noisyseg.bench.runs.execution import crash_record
from noisyseg.bench.runs.fault_kinds import fault_of
from noisyseg.bench.runs.run import Run
from noisyseg.errors import InputError
from noisyseg.results.records.faults import STOPS, Fault
from noisyseg.results.records.record import Record, with_fault
from noisyseg.results.records.store import is_done, is_stopped

# How a process ends that is asked to stop before it can listen.
_BY_STOPPING: frozenset[Fault] = STOPS | {"worker killed"}


class Endings:
    """Keeps the records of runs that have ended, and says what is next for the others.

    Attributes:
        records: by key.
        alone: keys of runs that may have nothing beside them.
        foreign: what is wrong with the noisyseg of some node; None if nothing is.
        is_full: whether the disk is.
    """

    def __init__(self, ground: Ground, stopping: Stopping) -> None:
        self._ground, self._stopping = ground, stopping
        self._policy = FaultPolicy(ground.settings.max_retries)
        self.records: dict[str, Record] = {}
        self.alone: set[str] = set()
        self.foreign: InputError | None = None
        self.is_full = False
        self._told_of_cpu = False

    @property
    def is_last(self) -> bool:
        """Whether nothing more may begin."""
        return self.is_full or self.foreign is not None

    def step(self, job: Job, outcome: Outcome) -> str:
        """What is next for a run of which a job ended: evaluate, again, alone, ended or left."""
        run = job.run
        if outcome.other is not None:  # what is under way elsewhere goes on
            self.foreign = mismatch(self._ground.package, outcome.other)
            return "left"
        if outcome.fault is None and outcome.record is None:
            return "evaluate"
        if self._stopping.wanted and outcome.fault in _BY_STOPPING:
            return self._cut_short(run)
        record = outcome.record or self._crash(run, outcome)
        fault = None if is_done(record) else record["failure"].get("fault", "other")
        if fault is None:
            return self._end(run, record)
        return self._after_fault(run, record, fault)

    def _cut_short(self, run: Run) -> str:
        """A run whose process was stopped, and gave no answer: what it wrote before holds.

        One that had not begun has written nothing, and waits as before.
        """
        record, _ = self._ground.store.peek(run.spec, run.key)
        if record is None:
            return "left"
        if is_done(record):
            return self._end(run, record)
        return self._after_fault(run, record, "interrupted") if is_stopped(record) else "left"

    def _after_fault(self, run: Run, record: Record, fault: Fault) -> str:
        if self._stopping.fault is not None and fault in ("interrupted", "preempted"):
            fault = self._stopping.fault
            record = self._saved(with_fault(record, fault))
        self.is_full |= fault == "disk full"
        step = self._policy.after(run.key, fault, progress_of(run))
        if step == "leave" or self._stopping.wanted or self.is_last:
            return self._end(run, record)
        if step == "alone":
            self.alone.add(run.key)
        reason = record["failure"]["message"].splitlines()[0]
        how = "once more, alone on its device" if step == "alone" else "goes on"
        self._ground.tell("retried", run, fault=fault, message=reason)
        self._ground.display.note(f"{run.label}: {fault}: {reason}; {how}")
        return step

    def _end(self, run: Run, record: Record) -> str:
        self.records[run.key] = record
        self._tell_of_cpu(record)
        if is_done(record):
            self._ground.tell("ended", run)
        else:
            failure = record["failure"]
            fault, message = failure.get("fault"), failure["message"].splitlines()[0]
            event = "stopped" if is_stopped(record) else "failed"
            self._ground.tell(event, run, fault=fault, message=message)
        self._ground.display.ended(run, record)
        return "ended"

    def _tell_of_cpu(self, record: Record) -> None:
        """Say once that a run was trained on a CPU which was to have a GPU: it takes far longer."""
        if self._told_of_cpu or not self._ground.share.gpus:
            return
        if record["environment"].get("device") == "cpu":
            self._told_of_cpu = True
            self._ground.display.note(
                "runs are trained on a CPU: the cluster counts GPUs where torch finds none "
                "(`noisyseg doctor --address …` says which and why)"
            )

    def _crash(self, run: Run, outcome: Outcome) -> Record:
        """A record for a run whose process could not write one."""
        assert outcome.fault is not None
        if self._ground.home is not None:
            self._ground.home.let_go(run)  # nobody works on it, wherever it was
        fault, kind, message = outcome.fault, outcome.kind, outcome.message
        limit = self._ground.settings.step_limit
        if fault == "worker killed" and is_hung(run, limit):
            fault, kind = "hang", "NoStepError"
            message = f"no step within {limit:g} s; run.log has where it hung"
        add_to_output(run, outcome.detail)
        earlier, _ = self._ground.store.load_or_set_aside(run.spec)
        if earlier is not None and is_done(earlier):
            return earlier  # its process died after the end of its work
        return self._saved(crash_record(run, kind, message, fault))

    def _saved(self, record: Record) -> Record:
        """Save it, where there is room: what failed is told all the same."""
        try:
            self._ground.store.save(record)
        except (InputError, OSError) as error:
            self.is_full |= fault_of(error) == "disk full"
            self._ground.display.note(f"a failed run's record could not be written: {error}")
        return record


def is_ended(record: Record | None, began: float) -> bool:
    """Whether another driver has ended a run: done, or failed since by a fault of the run's own.

    Args:
        record: of the run, if it has one.
        began: when this driver did (Unix); a run that had failed before is to be tried again.
    """
    if record is None or is_done(record):
        return record is not None
    finished = datetime.fromisoformat(record["finished"].replace("Z", "+00:00")).timestamp()
    since = finished >= int(began)  # its own are whole seconds
    return since and not is_from_outside(record["failure"].get("fault"))
