"""What a process uses of its machine: the node, the device by name, the memory."""

import os
import platform
import sys
from functools import cache
from pathlib import Path
from typing import Any

_STATM = Path("/proc/self/statm")


@cache
def node_name() -> str:
    """The machine's name, without the network's part."""
    return platform.node().partition(".")[0] or "unknown"


@cache
def device_name(device: str) -> str:
    """A device of torch with its model: "cuda:3 NVIDIA H100 80GB HBM3", or "cpu".

    The number is the machine's where the process was given some of its cards: each process calls
    its own first card cuda:0.
    """
    torch = _torch()
    if not device.startswith("cuda") or torch is None or not torch.cuda.is_available():
        return device
    index = torch.device(device).index
    index = torch.cuda.current_device() if index is None else index
    given = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")
    number = given[index].strip() if index < len(given) else ""
    return f"cuda:{number if number.isdecimal() else index} {torch.cuda.get_device_name(index)}"


def memory_bytes(device: str) -> int | None:
    """The peak that torch took of the device; on a CPU what the process has resident now.

    Args:
        device: as `device_name` gives it.
    Returns:
        None where that cannot be said.
    """
    torch = _torch()
    if device.startswith("cuda") and torch is not None:
        return int(torch.cuda.max_memory_reserved())
    try:
        return int(_STATM.read_bytes().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):  # not Linux
        return None


def _torch() -> Any:
    """Torch, if the process has it: whoever trains does, and nobody else has to wait for it."""
    return sys.modules.get("torch")
