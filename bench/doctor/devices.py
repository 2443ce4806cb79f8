"""GPUs: what the driver sees, what torch sees, and whether a detector computes right on each."""

import os
import re
import subprocess
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

from noisyseg.bench.doctor.finding import Finding, ok, problem, warning
from noisyseg.bench.runs.estimate import readable_bytes
from noisyseg.training_extra import is_missing

_SMI_S = 30
_REINSTALL = "pip install --force-reinstall torch torchvision"


def torch_imports() -> Iterator[Finding]:
    """Whether torch and torchvision can be imported, and what they were built for."""
    try:
        import torch
        import torchvision
    except ImportError as error:
        if not is_missing(error):  # an absent one is named with the packages
            reason = " ".join(str(error).split())
            yield problem("torch", f"cannot be imported: {reason}", _REINSTALL)
        return
    except OSError as error:  # a shared library that is not there
        yield problem("torch", f"cannot be imported: {error}", _REINSTALL)
        return
    built = f"CUDA {torch.version.cuda}" if torch.version.cuda else "CPUs"
    if getattr(torch.version, "hip", None):
        built = f"ROCm {torch.version.hip}"
    text = f"{torch.__version__} with torchvision {torchvision.__version__}, built for {built}"
    yield ok("torch", text)


def driver() -> Iterator[Finding]:
    """What NVIDIA's driver says of itself, and whether torch reaches it."""
    cards = _cards()
    torch = _torch()
    if torch is None:
        return
    reachable, reason = _available(torch)
    if reachable:
        yield ok("CUDA driver", _driver_text(cards, torch.cuda.device_count()))
    elif not cards:
        yield ok("GPUs", f"none: runs train on the CPU{_of_apple(torch)}")
    elif os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1", "NoDevFiles"):
        text = f"{len(cards)} there, hidden by CUDA_VISIBLE_DEVICES"
        yield warning("GPUs", text, "unset CUDA_VISIBLE_DEVICES")
    elif torch.version.cuda is None:
        text = f"{len(cards)} there, but this torch was built for CPUs alone"
        index = "--index-url https://pypi.org/simple"
        yield problem("GPUs", text, f"{_REINSTALL} {index}")
    else:
        text = f"{len(cards)} there, but torch cannot use them: {reason or 'no reason given'}"
        yield problem("GPUs", text, "nvidia-smi  # its CUDA version must be torch's or a later one")


def gpus() -> Iterator[Finding]:
    """Each GPU that torch sees: name, memory, generation, and a few sums on it."""
    torch = _torch()
    if torch is None or not _available(torch)[0]:
        return
    for number in range(torch.cuda.device_count()):
        yield from _gpu(torch, number)


def gpu_count() -> int:
    """As many as torch sees; 0 where there is no torch."""
    torch = _torch()
    return int(torch.cuda.device_count()) if torch is not None else 0


def _gpu(torch: Any, number: int) -> Iterator[Finding]:
    name, device = f"GPU {number}", f"cuda:{number}"
    properties = torch.cuda.get_device_properties(number)
    capability = (properties.major, properties.minor)
    text = f"{properties.name}, compute capability {capability[0]}.{capability[1]}"
    built = torch.cuda.get_arch_list()
    if not serves(capability, built):
        text = f"{text}, for which this torch was not built ({' '.join(built)})"
        yield problem(
            name, text, f"{_REINSTALL}  # a release for this GPU: pytorch.org/get-started"
        )
        return
    try:
        wrong = _tried(device)
        free, total = torch.cuda.mem_get_info(number)
    except RuntimeError as error:
        reason = " ".join(str(error).split("\n")[0].split())
        yield problem(name, f"{text}; computing on it fails: {reason}", "nvidia-smi -q")
        return
    text = f"{text}, {readable_bytes(free)} of {readable_bytes(total)} free"
    if wrong:
        yield problem(name, f"{text}; wrong results of {', '.join(wrong)}", "nvidia-smi -q")
    elif free < total / 2:
        yield warning(name, f"{text}: other processes use it", "nvidia-smi")
    else:
        yield ok(name, text)


def operators() -> Iterator[Finding]:
    """Whose operators mmcv uses, and whether they are right on this CPU."""
    if _torch() is None:
        return
    try:
        from noisyseg.bench.training.operator_trial import operators_in_use, try_device

        used, wrong = operators_in_use(), try_device("cpu")
    except ImportError as error:
        if not is_missing(error):
            raise
        return
    if wrong:
        mend = "pip install --force-reinstall --no-deps onedl-mmcv torchvision"
        yield problem("mmcv operators", f"{used}; wrong results of {', '.join(wrong)}", mend)
    else:
        what = "compiled ones" if used == "compiled" else "torchvision's NMS and RoIAlign"
        yield ok("mmcv operators", f"{what}, right on this CPU")


def serves(capability: tuple[int, int], built: Sequence[str]) -> bool:
    """Whether a torch that was built for these architectures runs on a GPU.

    Machine code (sm_86) runs on its own major version from its minor one on, portable code
    (compute_90) on whatever is later (CUDA C++ Programming Guide, "Application Compatibility").

    Args:
        capability: major and minor version of the GPU.
        built: such as sm_80, sm_90a, compute_120; of another maker's GPUs (gfx90a) all will do.
    """
    found = [re.fullmatch(r"(sm|compute)_(\d+)(\d)[a-z]?", name) for name in built]
    known = [(match[1], (int(match[2]), int(match[3]))) for match in found if match is not None]
    portable = [version for kind, version in known if kind == "compute"]
    native = [version for kind, version in known if kind == "sm" and version[0] == capability[0]]
    return not known or any(version <= capability for version in [*portable, *native])


def _tried(device: str) -> list[str]:
    from noisyseg.bench.training.operator_trial import operators_in_use, try_device

    operators_in_use()
    return try_device(device)


def _torch() -> Any:
    """torch, or None where it cannot be imported, which `torch_imports` says."""
    try:
        import torch
        import torchvision  # noqa: F401
    except (ImportError, OSError):
        return None
    return torch


def _available(torch: Any) -> tuple[bool, str]:
    """Whether torch finds a GPU, and what it says if it does not."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        found = bool(torch.cuda.is_available())
    return found, " ".join(str(said[0].message).split()) if said else ""


def _cards() -> list[str]:
    """The driver's version for each GPU that NVIDIA's program lists; empty without it."""
    command = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SMI_S)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return done.stdout.split() if done.returncode == 0 else []


def _driver_text(cards: Sequence[str], count: int) -> str:
    version = f"{cards[0]}, " if cards else ""
    return f"{version}{count} GPU{'s' * (count != 1)} in reach of torch"


def _of_apple(torch: Any) -> str:
    there = getattr(torch.backends, "mps", None) is not None and torch.backends.mps.is_available()
    return "; Apple's GPU (MPS) is not used" if there else ""
