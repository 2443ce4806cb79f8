"""Two stores' notes of a suite (`suites/<name>.json`) as one: the cells of both."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypedDict

import msgspec
import orjson


class _Cell(TypedDict):
    method: str
    noise: str
    noise_seed: int | None
    train_seed: int
    key: str


class _Note(TypedDict):
    cells: list[_Cell]


def merged_note(ours: Path, theirs: Path) -> bytes | None:
    """The note that has the cells of both, as `run` would have written it.

    Returns:
        None if they are no notes of the same suite, data and weights, or contradict each other.
    """
    try:
        one, other = orjson.loads(ours.read_bytes()), orjson.loads(theirs.read_bytes())
        cells = [*msgspec.convert(one, _Note)["cells"], *msgspec.convert(other, _Note)["cells"]]
    except (OSError, ValueError):
        return None
    keys = {_order(cell): cell for cell in cells}
    if _head(one) != _head(other) or any(keys[_order(cell)] != cell for cell in cells):
        return None
    note = {**one, "cells": [keys[place] for place in sorted(keys)]}
    return orjson.dumps(note, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _head(note: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in note.items() if name != "cells"}


def _order(cell: _Cell) -> tuple[str, str, int, int]:
    noise_seed = cell["noise_seed"]
    return (
        cell["method"],
        cell["noise"],
        -1 if noise_seed is None else noise_seed,
        cell["train_seed"],
    )
