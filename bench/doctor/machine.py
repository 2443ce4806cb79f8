"""Processors, memory and shared memory that a process may use."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from noisyseg.bench.cluster.machine import usable_cpus
from noisyseg.bench.doctor.cgroup import limits
from noisyseg.bench.doctor.finding import Finding, ok, warning
from noisyseg.bench.runs.estimate import readable_bytes

SHARED_MEMORY = Path("/dev/shm")
_LEAST_SHARED = 1 << 30
_LEAST_MEMORY = 2 << 30


def processors() -> Iterator[Finding]:
    """How many CPUs runs have: Ray counts those of the affinity, and knows no quota."""
    usable, quota = usable_cpus(), limits().cpus
    text = f"{usable} of {os.cpu_count()} usable"
    if quota is not None and quota < usable:
        whole = max(1, int(quota))
        text = f"{text}, but this process may use the time of {quota:g}: runs would share them"
        yield warning("CPUs", text, f"taskset --cpu-list 0-{whole - 1} noisyseg run …")
    else:
        yield ok("CPUs", text)


def memory() -> Iterator[Finding]:
    """How much memory there is, and how much of it is free."""
    total, free = _memory()
    limit = limits().memory
    text = f"{readable_bytes(total)}, {readable_bytes(free)} of it free"
    if limit is not None and limit < total:
        free = min(free, limit)
        text = (
            f"{text}; limited to {readable_bytes(limit)} for this process and others of its group"
        )
    if free < _LEAST_MEMORY:
        yield warning("memory", text, "end what uses it (see `ps aux --sort=-rss | head`)")
    else:
        yield ok("memory", text)


def shared_memory(folder: Path = SHARED_MEMORY) -> Iterator[Finding]:
    """Room for the batches that loader processes hand to a training on a GPU.

    Args:
        folder: the file system that they lie in; Linux alone has it.
    """
    if not folder.is_dir():
        return
    free = shutil.disk_usage(folder).free
    text = f"{readable_bytes(free)} free in {folder}"
    if free < _LEAST_SHARED:
        text = f"{text}: processes that load images pass them through it, and die where it is full"
        mend = f"mount -o remount,size=8G {folder}  # of a container: docker run --shm-size=8g …"
        yield warning("shared memory", text, mend)
    else:
        yield ok("shared memory", text)


def _memory() -> tuple[int, int]:
    """Bytes in all, and free for new processes."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:  # not Linux
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        return total, total
    sizes = {line.partition(":")[0]: int(line.split()[1]) << 10 for line in lines if ":" in line}
    return sizes["MemTotal"], sizes.get("MemAvailable", sizes["MemFree"])
