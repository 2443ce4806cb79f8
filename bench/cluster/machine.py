"""What this machine has for runs."""

import os
import socket


def usable_cpus() -> int:
    """The CPUs that this process may use; a batch system may have given it a few of many."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def this_machine() -> dict[str, float]:
    """How many CPUs this process may use, and how many GPUs torch finds."""
    import torch

    return {"CPU": usable_cpus(), "GPU": torch.cuda.device_count()}


def free_address(host: str) -> str:
    """Where the ranks of a run may meet on this machine, as torch.distributed names it."""
    with socket.socket() as bound:
        bound.bind(("", 0))
        return f"tcp://{host}:{bound.getsockname()[1]}"
