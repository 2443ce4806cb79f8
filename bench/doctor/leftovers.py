"""What Rays of this user that were killed have left: processes, and folders of sockets and logs."""

import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from shlex import quote

from noisyseg.bench.cluster.socket_folders import PREFIX
from noisyseg.bench.doctor.finding import Finding, ok, warning
from noisyseg.socket_paths import SHORT_FOLDERS

_DAEMONS = ("raylet", "gcs_server")
_ADOPTING = ("systemd", "init", "tini", "docker-init", "dumb-init")
_YOUNG_S = 600.0  # a Ray that is being started has a folder, and no process yet


@dataclass(frozen=True, kw_only=True, slots=True)
class Process:
    """A process of this user.

    Attributes:
        parent: its parent's number.
        words: its command line.
    """

    number: int
    parent: int
    words: tuple[str, ...]


def old_rays(*, daemons: bool = True) -> Iterator[Finding]:
    """Daemons of Ray that nobody waits for, and folders of those that no process uses.

    Args:
        daemons: whether there should be none: `ray start` leaves those of a cluster alone.
    """
    processes = own_processes()
    if processes is None:  # not Linux
        return
    orphans = [process for process in processes if daemons and is_orphan(process)]
    if orphans:
        numbers = " ".join(str(process.number) for process in orphans)
        text = f"{len(orphans)} daemons whose driver is gone, or that `ray start` left: {numbers}"
        yield warning("old Rays", text, f"kill {numbers}  # if no cluster of yours is meant")
    folders = unused_folders(places(), processes)
    if folders:
        text = f"{len(folders)} folders of Rays that were killed"
        mend = f"rm -r {' '.join(quote(str(folder)) for folder in folders)}"
        yield warning("old Rays", text, mend)
    if not orphans and not folders:
        yield ok("old Rays", "none")


def places() -> list[Path]:
    """Where a private Ray may have put its folder."""
    chosen = os.environ.get("RAY_TMPDIR")
    named = [chosen] if chosen else [tempfile.gettempdir(), *SHORT_FOLDERS]
    return [Path(place) for place in dict.fromkeys(map(os.path.abspath, named))]


def unused_folders(where: Sequence[Path], processes: Sequence[Process]) -> list[Path]:
    """Folders of private Rays of this user, of some age, that no process names."""
    found = []
    for place in where:
        for folder in sorted(place.glob(f"{PREFIX}*")):
            state = _state(folder)
            if state is None or state.st_uid != os.getuid():
                continue
            is_old = time.time() - state.st_mtime > _YOUNG_S
            named = any(str(folder) in word for one in processes for word in one.words)
            if is_old and not named and any(folder.glob("session_*")):
                found.append(folder)
    return found


def is_orphan(process: Process) -> bool:
    """Whether it is a daemon of Ray that does not belong to a driver which is alive."""
    if not process.words or Path(process.words[0]).name not in _DAEMONS:
        return False
    return process.parent == 1 or _name_of(process.parent) in _ADOPTING


def own_processes() -> list[Process] | None:
    """This user's processes; None where /proc does not tell."""
    root = Path("/proc")
    if not (root / "self" / "stat").is_file():
        return None
    found = []
    for folder in root.iterdir():
        if not folder.name.isdecimal():
            continue
        try:
            if folder.stat().st_uid != os.getuid():
                continue
            words = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
            # The name stands in brackets and may hold any character.
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:  # it ended
            continue
        found.append(Process(number=int(folder.name), parent=parent, words=tuple(words[:-1])))
    return found


def _name_of(number: int) -> str:
    try:
        return Path(f"/proc/{number}/comm").read_text().strip()
    except OSError:
        return ""


def _state(folder: Path) -> os.stat_result | None:
    try:
        return folder.lstat() if folder.is_dir() else None
    except OSError:
        return None
