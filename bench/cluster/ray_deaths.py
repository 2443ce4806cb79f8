"""What Ray says of a task that gave no answer, as a kind of fault."""

from typing import Any

from noisyseg.bench.cluster.jobs import Outcome
from noisyseg.bench.runs.fault_kinds import fault_of
from noisyseg.results.records.faults import Fault

# Names of Ray's exceptions, the first that fits.
_FAULTS: tuple[tuple[str, Fault], ...] = (
    ("OutOfMemoryError", "host memory"),
    ("NodeDiedError", "node lost"),
    ("LocalRayletDiedError", "node lost"),
    ("OwnerDiedError", "node lost"),
    ("ObjectLostError", "node lost"),
    ("TaskCancelledError", "interrupted"),
    ("WorkerCrashedError", "worker killed"),
)


def outcome_of(ray: Any, reference: Any) -> Outcome:
    """A task's answer, or why it has none."""
    try:
        other, record = ray.get(reference)
        return Outcome(record=record, other=other)
    except ray.exceptions.RayTaskError as error:
        # The process lives; what failed lies outside the training (a full disk, say).
        cause = error.cause
        message = str(cause) or repr(cause)
        return Outcome(fault=fault_of(cause), kind=type(cause).__name__, message=message)
    except ray.exceptions.RayError as error:
        reason = str(error).strip().splitlines()
        message = f"the run's process died: {reason[0] if reason else type(error).__name__}"
        return Outcome(fault=_fault(error), kind=type(error).__name__, message=message)


def _fault(error: BaseException) -> Fault:
    names = {kind.__name__ for kind in type(error).__mro__}
    if "The node" in str(error) and "WorkerCrashedError" in names:
        return "node lost"
    return next((fault for name, fault in _FAULTS if name in names), "worker killed")
