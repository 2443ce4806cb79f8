"""Reading what a run's log says of its class loss, so that every later access is safe."""

import json
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

import msgspec

from noisyseg.errors import InputError
from noisyseg.files import sha256_bytes
from noisyseg.results.records.loss_at_work import BIN_WIDTH, BINS, GROUPS, Report

KEY = "loss_at_work"
Count = Annotated[int, msgspec.Meta(ge=0)]
Bins = Annotated[list[Count], msgspec.Meta(min_length=BINS + 1, max_length=BINS + 1)]
_OTHER_VERSION = (
    ": the run was trained by a noisyseg that did not count what this one shows. Delete its folder "
    "and run the suite again to have it."
)


class NoReportsError(InputError):
    """A whole log, but of a noisyseg that did not count, or counted other things."""


class _Sets(msgspec.Struct):
    negative: Count
    pseudo_negative: Count
    potential_noisy: Count
    pseudo_and_potential: Count
    other: Count


class _Group(msgspec.Struct):
    rois: Count
    potential_noisy: Count
    above_6: Count
    as_given: Count
    as_true: Count
    as_background: Count
    as_another: Count
    mean_loss: float | None
    histogram: Bins


class _Report(msgspec.Struct):
    gamma: Annotated[float, msgspec.Meta(ge=0)]
    bin_width: Annotated[float, msgspec.Meta(ge=BIN_WIDTH, le=BIN_WIDTH)]
    sets: _Sets
    clean: _Group
    noisy: _Group
    unknown: _Group


class _Line(msgspec.Struct):
    epoch: Count
    loss_at_work: Annotated[list[_Report], msgspec.Meta(min_length=1)]


def read_reports(
    path: Path, *, epochs: int, sha256: str | None = None
) -> Sequence[Sequence[Report]]:
    """A run's reports, for each box head one an epoch; the same ones for the same content.

    Args:
        path: of the run's log.
        epochs: that the run has; its log has a line for each.
        sha256: of the log, as the run's record has it; None: not known.

    Raises:
        NoReportsError: the noisyseg that trained the run did not count this.
        InputError: the log cannot be read, is torn, is another than the record names, or is none.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read the log {path}: {error.strerror}.") from error
    if sha256 is not None and sha256_bytes(content) != sha256:
        raise InputError(
            f"{path} is not the log that its record names: it was changed, or is another run's. "
            "Delete the run's folder and run the suite again."
        )
    return _parsed(content, path, epochs)


@lru_cache(maxsize=4096)  # every table of a page asks
def _parsed(content: bytes, path: Path, epochs: int) -> Sequence[Sequence[Report]]:
    entries = [_entry(line, epoch, path) for epoch, line in enumerate(content.splitlines())]
    if len(entries) != epochs:
        raise InputError(
            f"{path}: {len(entries)} lines, wanted one for each of {epochs} epochs: it is torn. "
            "Delete the run's folder and run the suite again."
        )
    if any(KEY not in entry for entry in entries):
        raise NoReportsError(f"{path} has no {KEY!r} for every epoch{_OTHER_VERSION}")
    reports = [_reports(entry, epoch, path) for epoch, entry in enumerate(entries)]
    if len({len(heads) for heads in reports}) > 1:
        raise InputError(f"{path}: its epochs tell of different numbers of box heads.")
    return [list(heads) for heads in zip(*reports, strict=True)]


def _entry(line: bytes, epoch: int, path: Path) -> dict[str, Any]:
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}:{epoch + 1}: not JSON, or torn: {error}.") from error
    if not isinstance(entry, dict) or entry.get("epoch") != epoch:
        raise InputError(
            f"{path}:{epoch + 1}: wanted the line of epoch {epoch}, got {repr(entry)[:60]}."
        )
    return entry


def _reports(entry: dict[str, Any], epoch: int, path: Path) -> Sequence[Report]:
    try:
        checked = msgspec.convert(entry, _Line)
    except msgspec.ValidationError as error:
        raise NoReportsError(f"{path}:{epoch + 1}: {error}{_OTHER_VERSION}") from error
    for report in checked.loss_at_work:
        for group in (getattr(report, name) for name in GROUPS):
            if sum(group.histogram) != group.rois:
                raise InputError(f"{path}:{epoch + 1}: its counts contradict each other.")
    reports: Sequence[Report] = entry[KEY]
    return reports
