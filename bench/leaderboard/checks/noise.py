"""The noise of each run, made again from the verifier's own data, byte for byte."""

from pathlib import Path
from typing import NamedTuple

import orjson

from noisyseg.bench.leaderboard.checks.check import Check, differing, equal, held
from noisyseg.bench.leaderboard.checks.installed import Cell, Installed
from noisyseg.bench.runs.run import MANIFEST
from noisyseg.bench.runs.train_files import train_files, write_train_files
from noisyseg.errors import InputError
from noisyseg.files import sha256_file
from noisyseg.results.records.record import Record

_MANIFEST = "the manifest is, byte for byte, that of the noise made again"
_ANNOTATIONS = "the noisy annotations are, byte for byte, those of the noise made again"


class Made(NamedTuple):
    """What a noise makes of the training annotations: their SHA-256, and the manifest's file."""

    annotations: str
    manifest: Path


def make_noise(cells: set[Cell], installed: Installed) -> dict[Cell, Made]:
    """Make the noise of every noisy cell once more.

    Raises:
        InputError: noise that leaves nothing to train on.
    """
    made = {}
    assert installed.data is not None
    for cell in cells:
        noise = installed.noise(cell)
        if noise is not None:
            write_train_files(installed.data, noise, installed.shared, cell.noise)
            annotations, manifest = train_files(installed.data, noise, installed.shared)
            assert manifest is not None
            made[cell] = Made(sha256_file(annotations), manifest)
            annotations.unlink()  # gigabytes, for many seeds of a large data set
    return made


def check_noise(record: Record, folder: Path, made: Made | None, *, with_data: bool) -> list[Check]:
    """Hold a run's manifest and checksums against the noise made again.

    Args:
        record: the run's.
        folder: the run's in the unpacked bundle.
        made: None of a clean cell, and without data.
        with_data: whether noise could be made.
    """
    key, sums = record["key"], record["checksums"]
    manifest = folder / MANIFEST
    if record["spec"]["noise"] is None:
        return _of_clean(record, manifest)
    stated, found = sums["manifest"], _sha256(manifest)
    checks = [
        equal("noise.file", "the manifest is the file that the record names", stated, found, key)
    ]
    if not with_data:
        todo = "the noise was not made again: it needs the data"
        return [*checks, Check(id="noise.again", state="unchecked", what=todo, run=key)]
    if made is None:
        problem = "the bundle says that the run is clean, its record that it is not"
        return [*checks, held("noise.annotations", _ANNOTATIONS, problem, key)]
    return [
        *checks,
        held("noise.manifest", _MANIFEST, _other_manifest(manifest, made.manifest), key),
        equal("noise.annotations", _ANNOTATIONS, sums["noisy_annotations"], made.annotations, key),
    ]


def _other_manifest(stated: Path, made: Path) -> str | None:
    """Where a manifest differs from the one made again; None if no byte does."""
    if not stated.is_file():
        return "there is none"
    content, wanted = stated.read_bytes(), made.read_bytes()
    if content == wanted:
        return None
    try:
        places = differing(orjson.loads(content), orjson.loads(wanted))
    except orjson.JSONDecodeError as error:
        return f"not valid JSON: {error}"
    return places or "the same values, written otherwise"


def _of_clean(record: Record, manifest: Path) -> list[Check]:
    sums = record["checksums"]
    noisy = [name for name in ("manifest", "noisy_annotations") if sums[name] is not None]
    if manifest.exists():
        noisy.append(MANIFEST)
    problem = f"a clean run with {', '.join(noisy)}" if noisy else None
    return [held("noise.none", "a clean run has no noise", problem, record["key"])]


def _sha256(path: Path) -> str | None:
    try:
        return sha256_file(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
