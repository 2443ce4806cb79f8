import errno

import pytest

from noisyseg.bench.runs.fault_kinds import fault_of, is_told_by_another
from noisyseg.bench.training.class_loss import MethodError
from noisyseg.bench.training.ranks import RankLostError
from noisyseg.bench.training.stack import load_stack
from noisyseg.errors import InputError

load_stack()
from noisyseg.bench.training.training import (  # noqa: E402 (imports mmdet)
    StoppedError,
    TrainingDivergedError,
)


def caused(error, cause):
    error.__cause__ = cause
    return error


def out_of_memory():
    import torch

    return torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")


def told_by_another(kind, reason="why"):
    return RankLostError(f"rank 1 of 2 failed: {kind}: {reason}", kind=kind, reason=reason)


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (MemoryError(), "host memory"),
        (TrainingDivergedError("nan"), "not finite"),
        (MethodError("raised KeyError"), "method error"),
        (caused(MethodError("m"), KeyError("x")), "method error"),
        (OSError(errno.ENOSPC, "No space left on device"), "disk full"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "disk full"),
        (caused(InputError("cannot write"), OSError(errno.ENOSPC, "full")), "disk full"),
        (RuntimeError("[enforce fail] ... No space left on device"), "disk full"),
        (InputError("an annotation"), "bad data"),
        (FileNotFoundError(errno.ENOENT, "No such file"), "bad data"),
        (RuntimeError("Caught FileNotFoundError in DataLoader worker process 0."), "bad data"),
        (RuntimeError("CUDA error: out of memory"), "device memory"),
        (StoppedError("asked to stop"), "preempted"),
        (ValueError("anything"), "other"),
        (RankLostError("gone"), "worker killed"),
        (caused(RankLostError("gone"), RuntimeError("Connection closed by peer")), "worker killed"),
        (told_by_another("OutOfMemoryError"), "device memory"),
        (told_by_another("MethodError"), "method error"),
        (told_by_another("InputError"), "bad data"),
        (told_by_another("OSError", "[Errno 28] No space left on device"), "disk full"),
        (told_by_another("ValueError"), "other"),
        (
            caused(TrainingDivergedError("n"), told_by_another("TrainingDivergedError")),
            "not finite",
        ),
    ],
)
def test_the_kind_of_an_exception(error, fault):
    assert fault_of(error) == fault


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (StoppedError("asked to stop"), True),
        (told_by_another("ValueError"), True),
        (RankLostError("gone"), False),
        (ValueError("its own"), False),
        (TrainingDivergedError("nan"), False),
    ],
)
def test_a_process_that_assists_leaves_it_to_others_to_tell(error, told):
    assert is_told_by_another(error) is told


def test_a_device_without_memory_is_that_in_a_methods_code_too():
    assert fault_of(out_of_memory()) == "device memory"
    assert fault_of(caused(MethodError("m"), out_of_memory())) == "device memory"


def test_an_exception_that_is_its_own_cause_ends():
    first, second = ValueError("a"), ValueError("b")
    first.__cause__, second.__cause__ = second, first
    assert fault_of(first) == "other"
