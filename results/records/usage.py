"""What a run took of the machines that it ran on: time, memory and energy."""

from typing import Annotated, TypedDict

import msgspec

Amount = Annotated[float, msgspec.Meta(ge=0)]
Bytes = Annotated[int, msgspec.Meta(ge=0)]


class Usage(TypedDict):
    """What a run took of the machines that it ran on, all its parts together; unknown is None.

    Measured in the process that trains and, once they have ended, in those that it started; whole
    processes, so what one spends on keeping in touch with a cluster counts, too. Files for COCO's
    server are made afterwards and do not count.

    Attributes:
        device: the GPU's name, or the processor's of a run without; several ("A, then B") where it
            went on elsewhere.
        device_seconds: GPUs held × seconds from the start of a training, imports included, to the
            end of its predictions; of a shared GPU the run's share. 0 without a GPU.
        cpu_seconds: of all threads, user and system, evaluation included.
        peak_device_bytes: the most that tensors took of a GPU (of the first one, where there are
            several); what the allocator keeps for later and CUDA's own come on top.
        peak_host_bytes: the most memory that was resident, without the loader's processes.
        energy_joules: by the GPU's own counter, of the whole board and whoever uses it; so None
            where the run has a share of it. Nothing counts the rest of the machine's.
        complete: whether it is all: False if a process was killed before it could say what it took,
            and the sums are lower bounds.
    """

    device: str | None
    device_seconds: Amount
    cpu_seconds: Amount | None
    peak_device_bytes: Bytes | None
    peak_host_bytes: Bytes | None
    energy_joules: Amount | None
    complete: bool


def nothing() -> Usage:
    """What no time takes: of a machine, but of no device."""
    return {
        "device": None,
        "device_seconds": 0.0,
        "cpu_seconds": 0.0,
        "peak_device_bytes": 0,
        "peak_host_bytes": 0,
        "energy_joules": 0.0,
        "complete": True,
    }


def added(first: Usage, then: Usage) -> Usage:
    """Two parts of a run as one: sums and the higher peak; with one that is unknown, unknown."""
    names = dict.fromkeys(name for name in (first["device"], then["device"]) if name is not None)
    return {
        "device": ", then ".join(names) or None,
        "device_seconds": round(first["device_seconds"] + then["device_seconds"], 3),
        "cpu_seconds": _sum(first["cpu_seconds"], then["cpu_seconds"]),
        "peak_device_bytes": _most(first["peak_device_bytes"], then["peak_device_bytes"]),
        "peak_host_bytes": _most(first["peak_host_bytes"], then["peak_host_bytes"]),
        "energy_joules": _sum(first["energy_joules"], then["energy_joules"]),
        "complete": first["complete"] and then["complete"],
    }


def _sum(first: float | None, then: float | None) -> float | None:
    return None if first is None or then is None else round(first + then, 3)


def _most(first: int | None, then: int | None) -> int | None:
    return None if first is None or then is None else max(first, then)
