"""What `run` leaves in a store of each suite: which run fills which cell of its table.

Readers need neither data nor weights then, and know what was asked for and still waits. The file is
`suites/<suite>.json`; the records alone say what came of the runs.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias, TypedDict

import msgspec
import orjson

from noisyseg.bench.config.suite import Suite
from noisyseg.bench.runs.recorded_runs import content_of
from noisyseg.bench.runs.run import Run
from noisyseg.files import sha256_file, write_atomically
from noisyseg.results.records.store import RunStore

FORMAT: Literal[1] = 1
FOLDER = "suites"

Cell: TypeAlias = tuple[str, str, int | None, int]
"""Label of a method, label of a noise setting, noise seed (None for clean), train seed."""


_Seed: TypeAlias = Annotated[int, msgspec.Meta(ge=0)]


class _Entry(TypedDict):
    method: str
    noise: str
    noise_seed: _Seed | None
    train_seed: _Seed
    key: str


class SuiteNote(TypedDict):
    """What is known of a suite.

    `definition` is the SHA-256 of the suite's file, `content` of data, weights and versions (see
    `recorded_runs.Content`), by which the keys were made.
    """

    format: Literal[1]
    suite: str
    variant: str | None
    definition: str
    content: str
    cells: list[_Entry]


def read_note(suite: Suite, store: RunStore) -> SuiteNote | None:
    """The store's note of a suite; None if there is none, of another definition, or unreadable."""
    note = _read(_path(suite, store))
    return note if note is not None and note["definition"] == sha256_file(suite.file) else None


def _read(path: Path) -> SuiteNote | None:
    try:
        note: SuiteNote = msgspec.convert(orjson.loads(path.read_bytes()), SuiteNote)
    except (OSError, ValueError):
        return None
    return note


def keys_of(note: SuiteNote) -> dict[Cell, str]:
    """The key of each cell and seed."""
    return {
        (entry["method"], entry["noise"], entry["noise_seed"], entry["train_seed"]): entry["key"]
        for entry in note["cells"]
    }


def cell_of(run: Run) -> Cell:
    """The cell of a suite's table that a run fills, and its seeds."""
    return run.method_label, run.noise_label, run.noise_seed, run.seed


def write_note(suite: Suite, runs: Sequence[Run], store: RunStore) -> None:
    """Note the runs of a suite, beside those that were noted before on the same data and weights.

    Raises:
        InputError: the store cannot be written to.
    """
    content = content_of(runs[0].spec).digest
    before = read_note(suite, store)
    keys = keys_of(before) if before is not None and before["content"] == content else {}
    keys |= {cell_of(run): run.key for run in runs}
    note: SuiteNote = {
        "format": FORMAT,
        "suite": suite.name,
        "variant": suite.variant,
        "definition": sha256_file(suite.file),
        "content": content,
        "cells": _entries(keys),
    }
    write_atomically(_path(suite, store), _bytes(note))


def merged_note(ours: Path, theirs: Path) -> bytes | None:
    """Two stores' notes of a suite as one, the cells of both, as `write_note` would write it.

    Returns:
        None if they are no notes of the same suite, data and weights, or contradict each other.
    """
    one, other = _read(ours), _read(theirs)
    if one is None or other is None or {**one, "cells": []} != {**other, "cells": []}:
        return None
    keys, more = keys_of(one), keys_of(other)
    if any(keys.get(cell, key) != key for cell, key in more.items()):
        return None
    return _bytes({**one, "cells": _entries(keys | more)})


def _bytes(note: SuiteNote) -> bytes:
    return orjson.dumps(note, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _entries(keys: Mapping[Cell, str]) -> list[_Entry]:
    return [_entry(cell, keys[cell]) for cell in sorted(keys, key=_order)]


def _order(cell: Cell) -> tuple[Any, ...]:
    method, noise, noise_seed, train_seed = cell
    return method, noise, -1 if noise_seed is None else noise_seed, train_seed


def _entry(cell: Cell, key: str) -> _Entry:
    method, noise, noise_seed, train_seed = cell
    return {
        "method": method,
        "noise": noise,
        "noise_seed": noise_seed,
        "train_seed": train_seed,
        "key": key,
    }


def _path(suite: Suite, store: RunStore) -> Path:
    name = suite.name if suite.variant is None else f"{suite.name}-{suite.variant}"
    return store.root / FOLDER / f"{name}.json"
