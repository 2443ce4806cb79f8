"""The files beside a submitted bundle, held against those that verification makes of it."""

import json
import math
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from noisyseg.errors import InputError
from noisyseg.results.leaderboard.entry import decoded_draws, encoded_entry, read_entry

_LAST_BITS = 1e-6  # by which numbers may differ that another processor computed
_LAST_BITS_OF_DRAWS = 1e-4  # which have 24 bits


def file_problems(made: Path, submitted: Path) -> list[str]:
    """Where they are not those, in sentences.

    Args:
        made: the folder as verification wrote it; not there if the entry has another id.
        submitted: the folder of the submitted files.
    """
    if not (made / "entry.json").is_file():
        return ["its folder is not called by the entry's id: let `verify --publish` make it."]
    problems = []
    for file, alike in (("entry.json", _same_entry), ("verdict.json", _same_verdict)):
        if not (submitted / file).is_file():
            problems.append(f"has no {file}: `verify --publish` writes it beside the bundle.")
        elif not alike(made / file, submitted / file):
            problems.append(f"{file} is not what verification makes of the bundle.")
    return problems


def _same_entry(made: Path, submitted: Path) -> bool:
    """Whether it says the same, but for the last bits of numbers."""
    try:
        found = read_entry(submitted)
    except InputError:
        return False
    one, other = msgspec.to_builtins(read_entry(made)), msgspec.to_builtins(found)
    return submitted.read_bytes() == encoded_entry(found) and _alike(one, other)


def _alike(one: Any, other: Any, key: str = "") -> bool:
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_alike(one[k], other[k], k) for k in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_alike, one, other))
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=0, abs_tol=_LAST_BITS)
    if key == "draws" and isinstance(one, str) and isinstance(other, str) and one != other:
        return _alike_draws(one, other)
    return type(one) is type(other) and bool(one == other)


def _alike_draws(one: str, other: str) -> bool:
    try:
        numbers = decoded_draws(one), decoded_draws(other)
    except InputError:
        return False
    return np.allclose(*numbers, rtol=0, atol=_LAST_BITS_OF_DRAWS, equal_nan=True)


def _same_verdict(made: Path, submitted: Path) -> bool:
    """Whether it says the same but for remarks, which may be of entries published since."""
    try:
        return _proven(made.read_bytes()) == _proven(submitted.read_bytes())
    except (ValueError, KeyError, TypeError, RecursionError):
        return False


def _proven(text: bytes) -> dict[str, Any]:
    verdict = json.loads(text)
    checks = [check for check in verdict["checks"] if check["state"] != "remark"]
    return {**verdict, "checks": checks}
