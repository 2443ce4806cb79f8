"""The note beside converted files, `prepared.json`.

It is written last: files that it does not vouch for are never used.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from noisyseg.errors import InputError
from noisyseg.files import sha256_file, write_atomically

NOTE = "prepared.json"
FORMAT = 1


@dataclass(kw_only=True, slots=True, frozen=True)
class Note:
    """What `prepared.json` says.

    Attributes:
        made_from: what decides the files: converter version, options, checksum of the lists.
        sha256: of each file by its path inside the folder.
        counts, notes: see `Ready`.
    """

    made_from: Mapping[str, Any]
    sha256: Mapping[str, str]
    counts: dict[str, dict[str, int]]
    notes: list[str]


def read_note(folder: Path, made_from: Mapping[str, Any]) -> Note | None:
    """The note of a folder that is whole and made from the same; else None."""
    try:
        raw = json.loads((folder / NOTE).read_bytes())
        if raw["format"] != FORMAT or raw["made_from"] != made_from:
            return None
        for name, digest in raw["sha256"].items():
            if sha256_file(folder / name) != digest:
                return None
        return Note(
            made_from=raw["made_from"],
            sha256=raw["sha256"],
            counts=raw["counts"],
            notes=raw["notes"],
        )
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None


def withdraw_note(folder: Path) -> None:
    """Remove the note, which vouches for files that are about to be replaced.

    Raises:
        InputError: the folder cannot be written to.
    """
    try:
        (folder / NOTE).unlink(missing_ok=True)
    except OSError as error:
        raise InputError(
            f"cannot write in {folder}: {error.strerror}. Name another folder with --out."
        ) from error


def write_note(
    folder: Path,
    *,
    made_from: Mapping[str, Any],
    files: Sequence[str],
    counts: dict[str, dict[str, int]],
    notes: list[str],
) -> Note:
    """Vouch for files that are written.

    Args:
        folder: that holds them.
        made_from: see `Note`.
        files: their paths inside the folder.
        counts: see `Ready`.
        notes: see `Ready`.
    Raises:
        InputError: the folder cannot be written to.
    """
    sums = {name: sha256_file(folder / name) for name in files}
    document = {
        "format": FORMAT,
        "made_from": made_from,
        "sha256": sums,
        "counts": counts,
        "notes": notes,
    }
    write_atomically(folder / NOTE, json.dumps(document, indent=2).encode() + b"\n")
    return Note(made_from=made_from, sha256=sums, counts=counts, notes=notes)


def writable(folder: Path) -> bool:
    """Whether a file can be put into folder, which is made if it is not there."""
    try:
        write_atomically(folder / ".probe", b"")
        (folder / ".probe").unlink()
    except (InputError, OSError):
        return False
    return True
