"""The detections of the entries of a published folder, to find copies of them."""

import tempfile
from pathlib import Path

from noisyseg.bench.leaderboard.archive import unpacked
from noisyseg.bench.leaderboard.contents import BUNDLE, RUNS, parse_contents
from noisyseg.bench.leaderboard.copies import Detected, detected
from noisyseg.bench.runs.run import PREDICTIONS
from noisyseg.errors import InputError
from noisyseg.files import sha256_file
from noisyseg.results.evaluation.predictions import read_predictions
from noisyseg.results.leaderboard.entry import FILE, read_entry

ENTRIES = "entries"
ARCHIVE = "bundle.zip"


def published_detections(published: Path, but: str) -> dict[tuple[str, str], Detected]:
    """Entry's id and run's key → what that run found, of entries whose bundles lie there.

    Args:
        published: the folder that holds `entries/`.
        but: SHA-256 of the bundle that is left out: an entry may be verified again.

    Raises:
        InputError: no such folder, or a bundle in it that cannot be read.
    """
    if not published.is_dir():
        raise InputError(f"no folder {published}: wanted the one that holds {ENTRIES}/.")
    found = {}
    for archive in _files(published, ARCHIVE):
        if sha256_file(archive) == but:
            continue
        with tempfile.TemporaryDirectory(prefix="noisyseg-entry-") as work:
            folder = Path(work)
            unpacked(archive, folder)
            for run in parse_contents((folder / BUNDLE).read_bytes()).runs:
                predictions = read_predictions(folder / RUNS / run.key / PREDICTIONS)
                found[archive.parent.name, run.key] = detected(predictions)
    return found


def published_sums(published: Path) -> dict[str, tuple[str, str]]:
    """SHA-256 of a file of predictions → entry's id and run's key, of entries without a bundle.

    Raises:
        InputError: an entry that cannot be read.
    """
    found = {}
    for file in _files(published, FILE):
        if not file.with_name(ARCHIVE).exists():
            entry = read_entry(file)
            for run in (run for setting in entry.settings.values() for run in setting.runs):
                sha256 = run.checksums.get("predictions")
                if sha256 is not None:
                    found[sha256] = entry.id, run.key
    return found


def _files(published: Path, name: str) -> list[Path]:
    """A file of every entry; a name with a dot first is what publishing left that was stopped."""
    found = published.glob(f"{ENTRIES}/*/{name}")
    return sorted(file for file in found if not file.parent.name.startswith("."))
