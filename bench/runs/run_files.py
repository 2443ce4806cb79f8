"""Where the files lie that a run's record speaks of: in its folder, and shared in its store."""

from collections.abc import Iterable
from pathlib import Path

from noisyseg.bench.datasets.preparation import prepared_folder
from noisyseg.bench.runs.inputs import SHARED
from noisyseg.bench.runs.rehearsal import FOLDER as REHEARSALS
from noisyseg.bench.runs.run import LOG, MANIFEST, PREDICTIONS
from noisyseg.bench.runs.train_files import noisy_folder_name
from noisyseg.files import sha256_file
from noisyseg.noise.files.noisy_files import ANNOTATIONS_NAME
from noisyseg.results.records.record import Record, RunSpec

_IN_FOLDER = {"predictions": PREDICTIONS, "manifest": MANIFEST, "log": LOG}


def shared_folder(folder: Path) -> Path | None:
    """The folder of annotation files in the store of a run's folder; None outside of a store."""
    parents = folder.resolve().parents
    if len(parents) < 3:
        return None
    root = parents[2].parent if parents[2].name == REHEARSALS else parents[2]
    return root / SHARED if (root / SHARED).is_dir() else None


def prepared_file(folder: Path, spec: RunSpec, part: str) -> Path | None:
    """The file that the run trains on but for its noise ("train"), or is evaluated on ("eval").

    Returns:
        Its place, whether or not it is there; None outside of a store.
    """
    shared = shared_folder(folder)
    if shared is None:
        return None
    return shared / prepared_folder(spec["data"]) / f"{part}.json"


def annotations_with(checksum: str, folder: Path) -> Path | None:
    """The annotation file with a checksum in the store of a run's folder."""
    shared = shared_folder(folder)
    if shared is None:
        return None
    # Those to evaluate on first: they are small.
    return _with_checksum(checksum, shared.rglob("eval.json")) or _with_checksum(
        checksum, shared.rglob("*.json")
    )


def file_in_folder(name: str, folder: Path) -> Path | None:
    """The file in a run's folder whose checksum a record has by that name.

    Returns:
        Its place, whether or not it is there; None if that cannot be said, or is in another folder.
    """
    if name in _IN_FOLDER:
        return folder / _IN_FOLDER[name]
    return next(iter(sorted(folder.glob(f"{name}.*"))), None)


def noisy_file(folder: Path, record: Record, clean_sha256: str | None) -> Path | None:
    """The annotations that a run was trained on, if they are noisy and in its store.

    Args:
        folder: the run's.
        record: the run's.
        clean_sha256: of what the noise was made from; None: not known.
    """
    shared, noise = shared_folder(folder), record["spec"]["noise"]
    if shared is None or noise is None:
        return None
    if clean_sha256 is not None:
        place = shared / noisy_folder_name(clean_sha256, noise) / ANNOTATIONS_NAME
        if place.is_file():
            return place
    stated = record["checksums"]["noisy_annotations"]
    if stated is None:
        return None
    return _with_checksum(stated, shared.glob(f"*/{ANNOTATIONS_NAME}"))


def _with_checksum(checksum: str, files: Iterable[Path]) -> Path | None:
    return next((file for file in sorted(files) if sha256_file(file) == checksum), None)
