"""Which kind of fault an exception is. By names: neither torch nor Ray is imported to ask."""

import errno

from noisyseg.bench.runs.stop_signal import asked_to_stop
from noisyseg.errors import InputError
from noisyseg.results.records.faults import Fault

_LOST = "RankLostError"  # of a run by several processes
# By the name of a class among an exception's own: torch's, the training's, Ray's.
_BY_CLASS: dict[str, Fault] = {
    "OutOfMemoryError": "device memory",
    "MemoryError": "host memory",
    "TrainingDivergedError": "not finite",
    "MethodError": "method error",
    _LOST: "worker killed",
}
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# What files of a data set that went away, or are no images, end in.
_UNREADABLE = (FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError)


def fault_of(error: BaseException) -> Fault:
    """The kind of what stopped a run's own process."""
    for cause in _causes(error):
        kind = _own_kind(cause)
        if kind is not None:
            return kind
    return "other"


def is_told_by_another(error: BaseException) -> bool:
    """Whether a run's other process, which ends by this, need not tell why the run does.

    All are asked to stop together, and of one that failed in order all others are told.
    """
    names = {kind.__name__ for kind in type(error).__mro__}
    told = _LOST in names and getattr(error, "kind", None) is not None
    return told or "StoppedError" in names


def _own_kind(error: BaseException) -> Fault | None:
    names = {kind.__name__ for kind in type(error).__mro__}
    if "StoppedError" in names:
        return asked_to_stop() or "preempted"
    if _LOST in names:  # what another of the run's processes failed by; None: it died
        names = {getattr(error, "kind", None) or _LOST}
    for name, fault in _BY_CLASS.items():
        if name in names:
            return fault
    if isinstance(error, OSError) and error.errno in _FULL:
        return "disk full"
    text = str(error)
    if "No space left on device" in text or "Disk quota exceeded" in text:
        return "disk full"  # as a library, or a loader's process, tells it
    if "out of memory" in text and ("CUDA" in text or "NCCL" in text):
        return "device memory"
    if (
        InputError.__name__ in names
        or isinstance(error, _UNREADABLE)
        or "cv2" in type(error).__module__
    ):
        return "bad data"
    # Of a loader's process, as text; and of mmcv where OpenCV reads no image.
    if any(part in text for part in ("FileNotFoundError", "PermissionError", "failed to load im")):
        return "bad data"
    return None


def _causes(error: BaseException | None) -> list[BaseException]:
    """The exception and what it was raised from, the first cause first."""
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.insert(0, error)
        error = error.__cause__
    return found
