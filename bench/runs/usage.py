"""What a run takes: metered in the processes that work on it, summed in the run's folder.

A run may be interrupted and go on in another process, on another device; its evaluation may be
another task. Each of these parts adds itself to `usage.json`, once a minute and at its end. Until
then it says there that it is under way, so that after a part whose process was killed the next one
knows that the sum is short of something.
"""

import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

import msgspec

from noisyseg.bench.runs.checkpoint_files import has_checkpoint
from noisyseg.bench.runs.devices import energy_used, processor_name
from noisyseg.bench.runs.run import Resources
from noisyseg.bench.runs.training_note import NAME as TRAINED
from noisyseg.files import canonical_json, write_atomically
from noisyseg.results.records.usage import Usage, added, nothing

NAME = "usage.json"  # in the folder of a run that has no record, or failed
_NOTED_EVERY_S = 60.0
_OWN = Path("/proc/self")


class _Noted(TypedDict):
    spent: Usage
    under_way: bool


@contextmanager
def metered(folder: Path, resources: Resources | None) -> Iterator[Callable[[], None]]:
    """Add what the block takes to what the run's earlier parts took.

    Gives what is to be called now and then meanwhile, so that little is lost with a killed process.

    Args:
        folder: the run's, which nobody else works on.
        resources: of a training; None for a part that uses no device.
    """
    spent = spent_on(folder)
    _note(folder, spent, under_way=True)
    began = _begun(resources)
    noted = began.wall

    def note_at_times() -> None:
        nonlocal noted
        if time.perf_counter() - noted >= _NOTED_EVERY_S:
            noted = time.perf_counter()
            _note(folder, added(spent, _taken_since(began, resources)), under_way=True)

    try:
        yield note_at_times
    finally:
        _note(folder, added(spent, _taken_since(began, resources)), under_way=False)


def spent_on(folder: Path) -> Usage:
    """What a run's parts have taken so far.

    Known to be incomplete if one did not come to its end, or was an earlier version's, which noted
    nothing.
    """
    try:
        noted = msgspec.json.decode((folder / NAME).read_bytes(), type=_Noted)
    except FileNotFoundError:
        begun = (folder / TRAINED).exists() or has_checkpoint(folder)
        return {**nothing(), "complete": not begun}
    except msgspec.MsgspecError:
        return {**nothing(), "complete": False}
    spent = noted["spent"]
    return {**spent, "complete": spent["complete"] and not noted["under_way"]}


def forget_usage(folder: Path) -> None:
    """What comes next in the folder is another training, or nothing: the record has it."""
    (folder / NAME).unlink(missing_ok=True)


def _note(folder: Path, spent: Usage, *, under_way: bool) -> None:
    write_atomically(folder / NAME, canonical_json({"spent": spent, "under_way": under_way}))


@dataclass(kw_only=True, slots=True, frozen=True)
class _Gpu:
    """A GPU of this process.

    Attributes:
        place: as torch calls it.
    """

    place: str
    name: str
    uuid: str


@dataclass(kw_only=True, slots=True, frozen=True)
class _Beginning:
    """What clocks and counters showed when a part began.

    Attributes:
        resident_peak: the mark that the process's memory has to pass to say anything of this part;
            None if nothing tells.
    """

    wall: float
    cpu: float
    resident_peak: int | None
    gpu: _Gpu | None
    joules: float | None


def _begun(resources: Resources | None) -> _Beginning:
    gpu = None if resources is None else _gpu(resources.device)
    joules = None
    if gpu is not None and resources is not None and _has_whole(resources):
        joules = energy_used(gpu.uuid)
    return _Beginning(
        wall=time.perf_counter(),
        cpu=_cpu_seconds(),
        resident_peak=_lowered_peak(),
        gpu=gpu,
        joules=joules,
    )


def _taken_since(began: _Beginning, resources: Resources | None) -> Usage:
    seconds, cpu = time.perf_counter() - began.wall, _cpu_seconds() - began.cpu
    taken = nothing()
    taken["cpu_seconds"] = round(cpu, 3)
    taken["peak_host_bytes"] = _resident_peak(above=began.resident_peak)
    if resources is None:
        return taken
    taken["device"] = processor_name() if began.gpu is None else began.gpu.name
    if began.gpu is not None:
        taken["device_seconds"] = round(seconds * resources.ranks * resources.device_share, 3)
    taken["peak_device_bytes"] = _device_peak(began.gpu)
    taken["energy_joules"] = _joules_since(began)
    if resources.ranks > 1:  # those of the others are not seen from here
        taken |= {"cpu_seconds": None, "energy_joules": None}
    return taken


def _gpu(device: str) -> _Gpu | None:
    """The GPU by that name, its peak of memory set to what is in use; None if it is none."""
    if not device.startswith("cuda"):
        return None
    import torch

    if not torch.cuda.is_available():
        return None
    try:
        properties = torch.cuda.get_device_properties(device)
        torch.cuda.reset_peak_memory_stats(device)
    except RuntimeError:  # full, or busy: the training meets it next, where failures are told
        return None
    return _Gpu(place=device, name=properties.name, uuid=f"GPU-{properties.uuid}")


def _has_whole(resources: Resources) -> bool:
    return resources.ranks == 1 and resources.device_share >= 1


def _device_peak(gpu: _Gpu | None) -> int | None:
    if gpu is None:
        return None
    import torch

    return int(torch.cuda.max_memory_allocated(gpu.place))


def _joules_since(began: _Beginning) -> float | None:
    """None where they were not counted, or the counter began anew with the driver."""
    now = None if began.gpu is None or began.joules is None else energy_used(began.gpu.uuid)
    if now is None or began.joules is None or now < began.joules:
        return None
    return round(now - began.joules, 3)


def _cpu_seconds() -> float:
    """Of all threads of this process, and of its processes that have ended."""
    used = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in used)


def _lowered_peak() -> int | None:
    """Let Linux forget the process's peak of memory; what it says from then on.

    A worker goes on to other runs, and the peak is the process's. Where it cannot be lowered, only
    a higher one tells of this run.
    """
    try:
        (_OWN / "clear_refs").write_text("5")
    except OSError:
        return _status_bytes("VmHWM")
    return 0


def _resident_peak(*, above: int | None) -> int | None:
    peak = _status_bytes("VmHWM")
    return peak if peak is not None and above is not None and peak > above else None


def _status_bytes(name: str) -> int | None:
    """A field of the process's own status, in bytes; None where the system has no such file."""
    try:
        lines = (_OWN / "status").read_text().splitlines()
    except OSError:
        return None
    found = (line.split() for line in lines if line.startswith(f"{name}:"))
    return next((int(words[1]) * 1024 for words in found), None)
