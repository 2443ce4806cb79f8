"""The folders that runs write to: free space, permission, renames, locks.

What is tried is tried in a folder of its own, which is removed again.
"""

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from shlex import quote

from noisyseg.bench.doctor.finding import Check, Finding, ok, problem, warning
from noisyseg.bench.runs.estimate import readable_bytes
from noisyseg.errors import InputError
from noisyseg.files import write_atomically

PREFIX = ".doctor-"
_NONE_LEFT = 32 << 20  # where Ray refuses to begin, and a checkpoint has no room
_LITTLE = 2 << 30
_LOCK_S = 60
_ELSEWHERE = "noisyseg run … --out /another/folder"

# Whether another process is refused a lock that this one holds: "refused", "given" or the error.
LOCK = """
import fcntl, sys
with open(sys.argv[1], "r+b") as file:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print("refused")
    except OSError as error:
        print(error.strerror)
    else:
        print("given")
"""


def folder_checks(name: str, folder: Path) -> list[tuple[str, Check]]:
    """What is looked at of a folder of runs, which may not be there yet.

    Args:
        name: what findings call it.
        folder: as --out has it.
    """
    parts = (free_space, writing, locks, letter_case)
    names = ("free space", "writing", "file locks", "letter case")
    return [
        (f"{name}: {what}", partial(part, f"{name}: {what}", folder))
        for what, part in zip(names, parts, strict=True)
    ]


def free_space(name: str, folder: Path) -> Iterator[Finding]:
    """Whether there is room for what a run leaves."""
    place = existing(folder)
    free = shutil.disk_usage(place).free
    text = f"{readable_bytes(free)} free in {place}"
    if free < _NONE_LEFT:
        yield problem(name, text, f"df -h {quote(str(place))}  # free some, or: {_ELSEWHERE}")
    elif free < _LITTLE:
        yield warning(name, text, "noisyseg plan SUITE  # says what its runs will take")
    else:
        yield ok(name, text)


def writing(name: str, folder: Path) -> Iterator[Finding]:
    """Whether files can be written, brought to the disk and renamed, as records are."""
    place = existing(folder)
    try:
        with probe_folder(folder) as probe:
            for content in (b"first", b"second"):
                write_atomically(probe / "record", content)
            same = (probe / "record").read_bytes() == b"second"
            left = os.listdir(probe)
    except InputError as error:
        yield problem(name, str(error), _mend_of_writing(place))
        return
    except OSError as error:
        text = f"cannot write to {place}: {error.strerror}"
        yield problem(name, text, _mend_of_writing(place))
        return
    if not same or left != ["record"]:
        text = f"a renamed file in {place} is not the one that was written"
        yield problem(name, text, _ELSEWHERE)
    else:
        yield ok(name, f"files in {place} can be written, kept and renamed")


def locks(name: str, folder: Path) -> Iterator[Finding]:
    """Whether a lock that one process holds is refused to another: drivers share runs by it."""
    with ExitStack() as stack:
        try:
            file = stack.enter_context(probe_folder(folder)) / "lock"
            file.touch()
        except OSError:  # which `writing` says
            return
        try:
            with locked(file):
                held = asked_for(file)
            after = asked_for(file)
        except OSError as error:
            held, after = f"refused ({error.strerror})", ""
    if (held, after) == ("refused", "given"):
        yield ok(name, "a lock that one process holds is refused to another")
        return
    text = (
        f"locks do not hold in {existing(folder)}: a lock that one process holds was {held}"
        f"{f', and {after} when it was free' * bool(after)}; two drivers would do a run twice"
    )
    yield problem(name, text, f"mount -o remount,flock …  # Lustre, NFS; or: {_ELSEWHERE}")


def letter_case(name: str, folder: Path) -> Iterator[Finding]:
    """Whether names that differ in capital letters alone are one file."""
    try:
        with probe_folder(folder) as probe:
            (probe / "a").touch()
            one = (probe / "A").exists()
    except OSError:  # which `writing` says
        return
    if one:
        text = f"{existing(folder)} does not tell capital letters from small ones: methods or data "
        text += "sets whose names differ in them alone share a folder"
        yield warning(name, text, _ELSEWHERE)


@contextmanager
def probe_folder(folder: Path) -> Iterator[Path]:
    """A new folder in the nearest one that is there; removed at the end.

    Raises:
        OSError: none can be made.
    """
    with tempfile.TemporaryDirectory(prefix=PREFIX, dir=existing(folder)) as made:
        yield Path(made)


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Hold a lock of a file that is there.

    Raises:
        OSError: the file system has none.
    """
    with open(file, "r+b") as opened:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield


def temporary() -> Path:
    """Where this process's temporary files are."""
    return Path(tempfile.gettempdir())


def existing(folder: Path) -> Path:
    """The folder, or the nearest above it that is there."""
    place = folder.absolute()
    while not place.is_dir() and place != place.parent:
        place = place.parent
    return place


def asked_for(file: Path) -> str:
    """What another process gets that asks for a file's lock: "refused", "given", or why not."""
    done = subprocess.run(
        [sys.executable, "-c", LOCK, str(file)], capture_output=True, text=True, timeout=_LOCK_S
    )
    return done.stdout.strip() or "not answered about"


def _mend_of_writing(place: Path) -> str:
    return f"chmod u+rwx {quote(str(place))}  # or: {_ELSEWHERE}"
