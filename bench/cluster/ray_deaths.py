"""What Ray says of a task that gave no answer, as a kind of fault."""

import re
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
    ("TaskUnschedulableError", "node lost"),  # the nodes that it might go to left meanwhile
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
        fault = _fault(error)
        return Outcome(
            fault=fault,
            kind=type(error).__name__,
            message=f"the run's process died: {_in_short(error, fault)}",
            detail=str(error),
        )


def _fault(error: BaseException) -> Fault:
    names = {kind.__name__ for kind in type(error).__mro__}
    if "The node" in str(error) and "WorkerCrashedError" in names:
        return "node lost"
    return next((fault for name, fault in _FAULTS if name in names), "worker killed")


def _in_short(error: BaseException, fault: Fault) -> str:
    """What Ray tells in many lines, in a few words."""
    text = str(error).strip()
    if fault == "node lost":
        found = re.search(r"Node IP: (\S+?)[,.]?\s", text)
        return f"its node {found[1]} is gone" if found else "its node is gone"
    if fault == "worker killed":
        return "it was killed, or it crashed"
    if fault == "host memory":
        return "its machine was short of memory, and Ray ended it"
    return text.splitlines()[0] if text else type(error).__name__
