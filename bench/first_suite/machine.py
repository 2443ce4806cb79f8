"""Whether runs on this machine have a GPU: asked without torch, which takes seconds."""

import os
import subprocess
from pathlib import Path

CPU, GPU = "cpu", "gpu"

_WAIT_S = 20
_HIDDEN = ("", "-1", "NoDevFiles")


def device_here() -> str:
    """GPU if NVIDIA's program lists one that is not hidden, else CPU."""
    if os.environ.get("CUDA_VISIBLE_DEVICES", "all") in _HIDDEN:
        return CPU
    try:
        done = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=_WAIT_S)
    except (OSError, subprocess.TimeoutExpired):
        # A container may have the devices without the program.
        return GPU if Path("/dev/nvidia0").exists() else CPU
    return GPU if done.returncode == 0 and "GPU" in done.stdout else CPU
