"""A bundle's detections held against those of a published folder's entries, to find copies."""

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from noisyseg.bench.leaderboard.archive import unpacked
from noisyseg.bench.leaderboard.checks.check import Check, held
from noisyseg.bench.leaderboard.contents import BUNDLE, RUNS, parse_contents
from noisyseg.bench.leaderboard.copies import Detected, copy_remarks, detected, same_file_remarks
from noisyseg.bench.runs.run import PREDICTIONS
from noisyseg.errors import InputError
from noisyseg.results.evaluation.predictions import read_predictions
from noisyseg.results.leaderboard.entry import FILE, Entry, read_entry
from noisyseg.results.leaderboard.published import BUNDLE as PUBLISHED_BUNDLE
from noisyseg.results.leaderboard.published import FOLDER, entry_folders


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """A bundle that is held against published ones.

    Attributes:
        sha256: of the archive; an entry made of it is passed over.
        suite: its name.
        ground: as entries name theirs.
        files: key → SHA-256 of the run's predictions.
        detections: key → what the run found.
    """

    sha256: str
    suite: str
    ground: str
    files: Mapping[str, str]
    detections: Mapping[str, Detected]


def published_remarks(published: Path, own: Compared) -> list[Check]:
    """Which of a bundle's runs are those of published entries of its suite and its ground.

    An entry's bundle is read only if its checksums do not tell all.

    Raises:
        InputError: no such folder.
    """
    if not published.is_dir():
        raise InputError(f"no folder {published}: wanted the one that holds {FOLDER}/.")
    return [remark for place in entry_folders(published) for remark in _remarks(place, own)]


def _remarks(place: Path, own: Compared) -> list[Check]:
    """Of one entry; one that cannot be read is a remark, and not the bundle's fault."""
    try:
        entry = read_entry(place / FILE)
        if (entry.suite, entry.ground) != (own.suite, own.ground) or _is_of(entry, own.sha256):
            return []
        remarks = same_file_remarks(own.files, _sums(entry))
        known = {remark.run for remark in remarks}
        left = {key: one for key, one in own.detections.items() if key not in known}
        if left and (place / PUBLISHED_BUNDLE).exists():
            remarks += copy_remarks(left, dict(_detections(place / PUBLISHED_BUNDLE, entry.id)))
    except InputError as error:
        problem = str(error).replace(f"{place}/", "")
        detail = held("copies.published", "", problem).detail  # on one line, whatever it quotes
        what = f"the entry {place.name} was not compared, as it cannot be read"
        return [Check(id="copies.published", state="remark", what=what, detail=detail)]
    return remarks


def _is_of(entry: Entry, sha256: str) -> bool:
    return entry.bundle is not None and entry.bundle.sha256 == sha256


def _sums(entry: Entry) -> dict[str, tuple[str, str]]:
    """SHA-256 of a file of predictions → entry's id and run's key."""
    runs = (run for setting in entry.settings.values() for run in setting.runs)
    sums = {run.checksums.get("predictions"): (entry.id, run.key) for run in runs}
    return {sha256: place for sha256, place in sums.items() if sha256 is not None}


def _detections(archive: Path, name: str) -> Iterator[tuple[tuple[str, str], Detected]]:
    """Entry's id and run's key, and what that run found."""
    with tempfile.TemporaryDirectory(prefix="noisyseg-entry-") as work:
        folder = Path(work, "bundle")
        try:
            unpacked(archive, folder)
            for run in parse_contents((folder / BUNDLE).read_bytes()).runs:
                predictions = read_predictions(folder / RUNS / run.key / PREDICTIONS)
                yield (name, run.key), detected(predictions)
        except InputError as error:
            raise InputError(str(error).replace(f"{folder}/", "")) from error
