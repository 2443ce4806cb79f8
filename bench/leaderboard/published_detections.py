"""The detections of the entries of a published folder whose bundles lie there."""

import tempfile
from pathlib import Path

from noisyseg.bench.leaderboard.archive import unpacked
from noisyseg.bench.leaderboard.contents import BUNDLE, RUNS, parse_contents
from noisyseg.bench.leaderboard.copies import Detected, detected
from noisyseg.bench.runs.run import PREDICTIONS
from noisyseg.errors import InputError
from noisyseg.files import sha256_file
from noisyseg.results.evaluation.predictions import read_predictions

ENTRIES = "entries"
ARCHIVE = "bundle.zip"


def published_detections(published: Path, but: str) -> dict[tuple[str, str], Detected]:
    """Entry's id and run's key → what that run found.

    Args:
        published: the folder that holds `entries/`.
        but: SHA-256 of the bundle that is left out: an entry may be verified again.

    Raises:
        InputError: no such folder, or a bundle in it that cannot be read.
    """
    if not published.is_dir():
        raise InputError(f"no folder {published}: wanted the one that holds {ENTRIES}/.")
    found = {}
    for archive in sorted(published.glob(f"{ENTRIES}/*/{ARCHIVE}")):
        if sha256_file(archive) == but:
            continue
        with tempfile.TemporaryDirectory(prefix="noisyseg-entry-") as work:
            folder = Path(work)
            unpacked(archive, folder)
            for run in parse_contents((folder / BUNDLE).read_bytes()).runs:
                predictions = read_predictions(folder / RUNS / run.key / PREDICTIONS)
                found[archive.parent.name, run.key] = detected(predictions)
    return found
