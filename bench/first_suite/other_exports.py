"""What a folder without COCO's JSON has in its place: annotations of other forms, or packed."""

from pathlib import Path

from noisyseg.bench.first_suite.folder_walk import walk
from noisyseg.errors import InputError
from noisyseg.foreign_files import describe_foreign

_ENDINGS = (
    *(".gz", ".zip", ".tar", ".tgz", ".zst", ".bz2", ".xz", ".7z", ".rar"),
    *(".jsonl", ".ndjson", ".xml", ".txt", ".csv", ".parquet", ".pkl", ".mat"),
)
_LOOKED_AT = 20  # files of an ending: a README is a .txt, too
_HEAD = 1 << 20  # bytes of a file


def other_exports(root: Path) -> list[str]:
    """Of each kind of such files one and what it is, a sentence each."""
    by_ending: dict[str, list[Path]] = {ending: [] for ending in _ENDINGS}
    for folder, names in walk(root):
        for name in names:
            ending = Path(name).suffix.lower()
            if ending in by_ending:
                by_ending[ending].append(folder / name)
    found = [_described(paths, root) for paths in by_ending.values()]
    return [text for text in found if text is not None]


def _described(paths: list[Path], root: Path) -> str | None:
    for path in paths[:_LOOKED_AT]:
        what = describe_foreign(_head(path), path.name) if path.is_file() else None
        if what is not None:
            more = f" (and {len(paths) - 1} more {path.suffix})" * (len(paths) > 1)
            return f"{path.relative_to(root)}{more}: {what}"
    return None


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_HEAD)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from error
