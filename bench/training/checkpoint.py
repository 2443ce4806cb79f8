"""A training's states on the disk: the last and the one before, each with its SHA-256 beside it.

`last.pth` and `previous.pth` hold states; `last.json` and `previous.json` name their SHA-256. A
state is sound if either of them names its own: while the names change, that of one is beside the
other. In a folder without them, as they were once, what torch can read is sound. Nothing is
unpickled but tensors and plain values.
"""

import io
import json
import os
import pickle
import shutil
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import torch

from noisyseg.files import canonical_json, sha256_bytes, sha256_file

PREVIOUS = "previous.pth"
_PART = ".part"
"""Ends the name of what is being written; a point begins it, as of every half write. What a killed
process left, the next one replaces."""

# What torch.load raises for a file that is cut short, damaged or no state dict at all.
UNREADABLE = (
    *(OSError, RuntimeError, EOFError, ValueError, LookupError, TypeError, AssertionError),
    *(pickle.UnpicklingError, struct.error),
)


@dataclass(kw_only=True, slots=True, frozen=True)
class Found:
    """What a folder has to go on from.

    Attributes:
        state: the newest one that is sound; None if there is none.
        unsound: files that are not, newer than it.
        problems: a sentence for each of them.
    """

    state: dict[str, Any] | None = None
    unsound: tuple[Path, ...] = ()
    problems: tuple[str, ...] = ()


def save_checkpoint(path: Path, state: dict[str, Any], *, keep_all: bool = False) -> None:
    """Put a state in the place of the last one, which becomes the one before.

    Stopped anywhere, it leaves one that is sound, or more.

    Args:
        path: the folder's `last.pth`; the others lie beside it.
        state: tensors and plain values, among them `key`, `epoch` (whole epochs done) and
            `iteration` (steps done of the next one).
        keep_all: whether the state of an epoch's end stays, too, as `epoch-0012.pth`.

    Raises:
        OSError: it cannot be written; what was there is as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    buffer = io.BytesIO()
    torch.save(state, buffer)
    data = buffer.getvalue()
    before = path.with_name(PREVIOUS)
    with _staged() as stage:
        stage(path, data)
        stage(_note(path), _note_of(state, sha256_bytes(data)))
        if path.is_file():
            stage(_note(before), _present_note(path))
            # Its SHA-256 is beside the new name before it is moved, and beside the old one still.
            _place(_note(before))
            path.replace(before)
        _place(_note(path))
        _place(path)
        if keep_all and not state.get("iteration"):
            _keep(path, f"epoch-{state['epoch']:04}.pth")


def load_checkpoint(path: Path, *, key: str) -> dict[str, Any] | None:
    """The newest sound state of the run of this key (`find_checkpoint`); None if there is none."""
    return find_checkpoint(path, key=key).state


def find_checkpoint(path: Path, *, key: str) -> Found:
    """The newest sound state of the run of this key, and what was passed over for it.

    A checkpoint is a convenience: where none is sound, one starts anew.

    Args:
        path: the folder's `last.pth`.
        key: the run's.

    Raises:
        OSError: a file is there and cannot be read, which says nothing about what it holds.
    """
    known = _known(path)
    unsound: list[Path] = []
    problems: list[str] = []
    for file in (path, path.with_name(PREVIOUS)):
        if not file.is_file():
            continue
        state = _read(file, known, key)
        if not isinstance(state, str):
            return Found(state=state, unsound=tuple(unsound), problems=tuple(problems))
        unsound.append(file)
        problems.append(f"{file.parent.name}/{file.name} was passed over: {state}")
    return Found(unsound=tuple(unsound), problems=tuple(problems))


def _read(file: Path, known: set[str] | None, key: str) -> dict[str, Any] | str:
    """A file's state, or why it cannot be used."""
    if known is not None and sha256_file(file) not in known:
        return "its SHA-256 is not what was noted when it was written"
    try:
        state = torch.load(file, map_location="cpu", weights_only=True)
    except UNREADABLE as error:
        return f"torch cannot read it ({type(error).__name__})"
    if not isinstance(state, dict) or state.get("key") != key:
        return "it is not this run's"
    return state


def _known(path: Path) -> set[str] | None:
    """Every SHA-256 that is noted in the folder; None if it has no notes."""
    notes = [note for note in (_note(path), _note(path.with_name(PREVIOUS))) if note.is_file()]
    if not notes:
        return None
    found = set()
    for note in notes:
        try:
            found.add(str(json.loads(note.read_bytes())["sha256"]))
        except (ValueError, LookupError, TypeError):
            continue  # damaged: it vouches for nothing
    return found


def _note(path: Path) -> Path:
    return path.with_suffix(".json")


def _note_of(state: dict[str, Any], sha256: str) -> bytes:
    place = {name: state.get(name, 0) for name in ("epoch", "iteration")}
    written = datetime.now(timezone.utc).isoformat(timespec="seconds")
    return canonical_json({"sha256": sha256, "key": state["key"], **place, "written": written})


def _present_note(path: Path) -> bytes:
    """The note beside a file; made of one that was written before there were notes."""
    note = _note(path)
    return note.read_bytes() if note.is_file() else canonical_json({"sha256": sha256_file(path)})


@contextmanager
def _staged() -> Iterator[Any]:
    """Gives what writes files beside their places; those that did not get there are removed."""
    parts: list[Path] = []

    def stage(path: Path, data: bytes) -> None:
        part = _part(path)
        parts.append(part)
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())

    try:
        yield stage
    finally:
        for part in parts:
            part.unlink(missing_ok=True)


def _part(path: Path) -> Path:
    return path.with_name(f".{path.name}{_PART}")


def _place(path: Path) -> None:
    _part(path).replace(path)


def _keep(path: Path, name: str) -> None:
    """Let a file's content stay under another name: a link, where the file system has them."""
    kept = path.with_name(name)
    part = _part(kept)
    part.unlink(missing_ok=True)
    try:
        try:
            os.link(path, part)
        except OSError:
            shutil.copyfile(path, part)
        part.replace(kept)
    finally:
        part.unlink(missing_ok=True)
