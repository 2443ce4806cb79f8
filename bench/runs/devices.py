"""What devices are called, and what their own counters say.

A GPU's counters are read by NVIDIA's management library, through the package nvidia-ml-py: without
it, or on another maker's card, they are unknown.
"""

import platform
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

_PROCESSORS = Path("/proc/cpuinfo")


def device_here() -> str | None:
    """The name of this machine's first GPU, or else of its processor; None where unknown.

    No torch is imported: what only plans asks this.
    """
    with _library() as nvml:
        if nvml is not None:
            try:
                return str(nvml.nvmlDeviceGetName(nvml.nvmlDeviceGetHandleByIndex(0)))
            except nvml.NVMLError:
                pass  # a driver without a card
    return processor_name()


@cache
def processor_name() -> str | None:
    """The processor's, as its maker calls it, or else its kind."""
    try:
        lines = _PROCESSORS.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2] for line in lines if line.startswith("model name"))
    shown = "".join(c for c in next(names, "") if c.isprintable())
    return " ".join(shown.split()) or platform.machine() or None


def energy_used(uuid: str) -> float | None:
    """Joules that a GPU has used since its driver was loaded, whoever used it.

    Args:
        uuid: "GPU-" and its number: an index would be another card's where some are hidden.
    Returns:
        None where nothing counts, as before Volta, or where the card is split into instances (MIG):
        the counter is the whole card's.
    """
    with _library() as nvml:
        if nvml is None:
            return None
        try:
            card = nvml.nvmlDeviceGetHandleByUUID(uuid)
            if _is_split(nvml, card):
                return None
            return float(nvml.nvmlDeviceGetTotalEnergyConsumption(card)) / 1000
        except nvml.NVMLError:
            return None


def _is_split(nvml: Any, card: Any) -> bool:
    try:
        current, _ = nvml.nvmlDeviceGetMigMode(card)
    except nvml.NVMLError:  # a card that cannot be
        return False
    return bool(current)


@contextmanager
def _library() -> Iterator[Any]:
    """NVIDIA's management library, begun; None where it or the package or a driver is absent."""
    try:
        import pynvml
    except ImportError:
        yield None
        return
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        yield None
        return
    try:
        yield pynvml
    finally:
        pynvml.nvmlShutdown()
