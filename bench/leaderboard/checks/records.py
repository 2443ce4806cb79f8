"""Each run's record: whole, of a run that is done, and of the spec that its cell has."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from noisyseg.bench.leaderboard.checks.check import Check, differing, equal, held, shown
from noisyseg.bench.leaderboard.checks.installed import Cell, Installed
from noisyseg.bench.leaderboard.limits import LIMITS
from noisyseg.bench.runs.rehearsal import is_rehearsal
from noisyseg.errors import InputError
from noisyseg.results.records.record import Record, decode_record, run_key
from noisyseg.results.records.store import RECORD_NAME
from noisyseg.strict_json import parse_strict_json

MOST_BYTES = LIMITS.record
_LONGEST_TEXT = 2000
_MOST_TOLD = 200
_GRACE = timedelta(days=1)  # clocks differ
_SCHEMA = "a whole record of a run that is done, with the checksum and the key of its content"


def read_record(folder: Path, key: str) -> tuple[Record | None, list[Check]]:
    """The record in a run's folder, None if it is none, and the checks of it alone."""
    try:
        data = (folder / RECORD_NAME).read_bytes()
        parse_strict_json(data, RECORD_NAME, most=MOST_BYTES)
        record = decode_record(data)
        _check_alone(record)
    except OSError as error:
        return None, [held("record.schema", _SCHEMA, f"no record: {error.strerror}", key)]
    except InputError as error:
        return None, [held("record.schema", _SCHEMA, str(error), key)]
    checks = [
        held("record.schema", _SCHEMA, None, key),
        equal("record.key", "the record is of the key that the bundle names", key, record["key"]),
    ]
    return record, checks


def check_spec(
    record: Record, cell: Cell, method: Mapping[str, Any], installed: Installed
) -> list[Check]:
    """Hold a record's spec against the one that the installed suite gives its cell."""
    what = "the spec is the installed suite's for this noise, these seeds and this data"
    key = record["key"]
    if is_rehearsal(record["spec"]["protocol"]):
        return [held("record.spec", what, "it is of a rehearsal, not of a training", key)]
    if not installed.is_cell(cell):
        return [held("record.spec", what, f"no run of {shown(cell.noise)} has such seeds", key)]
    wanted = installed.spec(cell, method)
    problem = differing(record["spec"], wanted)
    if problem is None and run_key(wanted) != key:
        problem = f"its key is {key}, the suite's {run_key(wanted)}"
    return [held("record.spec", what, problem, key)]


def _check_alone(record: Record) -> None:
    """Refuse what no run writes.

    Raises:
        InputError: what it is.
    """
    if record["status"] != "done":
        raise InputError(f"the run failed: {shown(record['failure']['message'])}")
    started, finished = (_moment(record, name) for name in ("started", "finished"))
    if finished < started:
        raise InputError("it finished before it started")
    if finished > datetime.now(timezone.utc) + _GRACE:
        raise InputError(f"finished: {shown(record['finished'])} lies in the future")
    for name in ("timings", "environment", "lineage"):
        if len(told := record[name]) > _MOST_TOLD:
            raise InputError(f"{name}: {len(told)} entries; a run writes at most {_MOST_TOLD}")
    for place, text in _texts(record, ""):
        if len(text) > _LONGEST_TEXT or not text.isprintable():
            raise InputError(
                f"{place}: wanted at most {_LONGEST_TEXT} characters that can be seen, got "
                f"{shown(text)}"
            )


def _moment(record: Record, name: str) -> datetime:
    text: str = record[name]  # type: ignore[literal-required]
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError as error:
        raise InputError(f"{name}: {shown(text)} is no time") from error


def _texts(value: Any, place: str) -> Iterator[tuple[str, str]]:
    """Every text in a value, keys included, but for empty ones, with its place."""
    if isinstance(value, Mapping):
        for key, entry in value.items():
            yield f"a key at {place or 'the top'}", key
            yield from _texts(entry, f"{place}.{shown(key)}" if place else shown(key))
    elif isinstance(value, list):
        for index, entry in enumerate(value):
            yield from _texts(entry, f"{place}[{index}]")
    elif isinstance(value, str) and value:
        yield place, value
