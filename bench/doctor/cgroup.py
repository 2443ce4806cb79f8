"""The limits that a batch system or a container sets to a process: Linux's control groups."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path("/sys/fs/cgroup")
OWN = Path("/proc/self/cgroup")
_NO_LIMIT = 1 << 60  # version 1 writes a number near 2^63 for none


class Limits(NamedTuple):
    """What a process may use; None where nothing limits it.

    Attributes:
        cpus: processors' worth of time.
        memory: bytes.
    """

    cpus: float | None
    memory: int | None


def limits(root: Path = ROOT, own: Path = OWN) -> Limits:
    """This process's limits: the least of its group's and of those around it.

    Args:
        root: where control groups are mounted.
        own: the file that names this process's groups.
    """
    cpus: list[float] = []
    memory: list[int] = []
    for controllers, path in _groups(own):
        for folder in _folders(root, controllers, path):
            cpus += _cpus(folder)
            memory += _memory(folder)
    return Limits(min(cpus, default=None), min(memory, default=None))


def _groups(own: Path) -> Iterator[tuple[str, str]]:
    """Controllers (none for version 2) and path of each of the process's groups."""
    try:
        lines = own.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        yield controllers, path


def _folders(root: Path, controllers: str, path: str) -> Iterator[Path]:
    """The group's folder and those around it; a container sees its own as the root."""
    top = root / controllers if controllers else root
    folder = top / path.strip("/")
    while True:
        yield folder
        if folder == top or top not in folder.parents:
            return
        folder = folder.parent


def _cpus(folder: Path) -> list[float]:
    both = _words(folder / "cpu.max") or [
        *_words(folder / "cpu.cfs_quota_us"),
        *_words(folder / "cpu.cfs_period_us"),
    ]
    if len(both) != 2 or both[0] in ("max", "-1"):
        return []
    return [int(both[0]) / int(both[1])]


def _memory(folder: Path) -> list[int]:
    words = _words(folder / "memory.max") or _words(folder / "memory.limit_in_bytes")
    return [int(word) for word in words if word != "max" and int(word) < _NO_LIMIT]


def _words(file: Path) -> list[str]:
    try:
        return file.read_text().split()
    except OSError:
        return []
