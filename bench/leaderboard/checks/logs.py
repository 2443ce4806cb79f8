"""Each run's log: a line for each epoch of the protocol, with its loss, and finite numbers."""

import io
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from noisyseg.bench.leaderboard.checks.check import Check, equal, held, shown
from noisyseg.bench.leaderboard.limits import LIMITS
from noisyseg.bench.runs.run import LOG
from noisyseg.errors import InputError
from noisyseg.files import sha256_bytes
from noisyseg.results.leaderboard.entry import LOGGED
from noisyseg.results.records.loss_at_work import fates
from noisyseg.results.records.record import Record
from noisyseg.results.records.training_log import read_reports
from noisyseg.results.statistics.fates import fate
from noisyseg.strict_json import parse_strict_json

_WHAT = "the log has a line for each epoch of the protocol, with its loss, and finite numbers"


def check_log(folder: Path, record: Record, epochs: int) -> list[Check]:
    """Hold a run's log against its record and the protocol's epochs."""
    key, stated = record["key"], record["checksums"]["log"]
    try:
        data = (folder / LOG).read_bytes()
        _check_lines(data, epochs)
    except OSError as error:
        return [held("log.lines", _WHAT, f"no log: {error.strerror}", key)]
    except InputError as error:
        return [held("log.lines", _WHAT, str(error), key)]
    return [
        equal(
            "log.file", "the log is the file that the record names", stated, sha256_bytes(data), key
        ),
        held("log.lines", _WHAT, None, key),
    ]


def logged_fates(folder: Path, record: Record, epochs: int) -> dict[str, float]:
    """What became of wrong labels in the last epoch, in percent, as far as the log tells it."""
    if record["spec"]["noise"] is None:
        return {}
    try:
        heads = read_reports(folder / LOG, epochs=epochs, sha256=record["checksums"]["log"])
    except InputError:
        return {}
    last = [fates(report) for report in heads[-1]]
    found = {name: fate(last, name) for name in LOGGED}
    return {name: value for name, value in found.items() if 0 <= value <= 100}


def _check_lines(data: bytes, epochs: int) -> None:
    count = data.count(b"\n") + (data[-1:] not in (b"", b"\n"))
    if count != epochs:
        raise InputError(f"{LOG}: {count} lines, wanted one for each of {epochs} epochs")
    for epoch, line in enumerate(io.BytesIO(data)):
        where = f"{LOG}:{epoch + 1}"
        entry = parse_strict_json(line, where, most=LIMITS.json)
        stated = entry.get("epoch") if isinstance(entry, dict) else None
        if type(stated) is not int or stated != epoch:
            raise InputError(f"{where}: wanted the line of epoch {epoch}, got {shown(stated)}")
        loss = entry.get("loss")
        if type(loss) not in (int, float):
            raise InputError(f"{where}: wanted the epoch's loss, a number, got {shown(loss)}")
        if not all(math.isfinite(number) for number in _numbers(entry)):
            raise InputError(f"{where}: a number that is not finite")


def _numbers(value: Any) -> Iterator[float]:
    if isinstance(value, Mapping):
        for entry in value.values():
            yield from _numbers(entry)
    elif isinstance(value, list):
        for entry in value:
            yield from _numbers(entry)
    elif isinstance(value, float):
        yield value
