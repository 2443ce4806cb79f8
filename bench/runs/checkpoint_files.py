"""The files of a run's checkpoints, for who neither reads nor writes what they hold."""

from pathlib import Path

from noisyseg.bench.runs.run import CHECKPOINTS

REMOVED = "removed.json"
"""In a run's folder of checkpoints: says when its weights were removed."""
_BEFORE = ("previous.pth", "previous.json")


def files_of_checkpoints(checkpoints: Path) -> list[Path]:
    """Checkpoints in such a folder, their notes and halves of either."""
    if not checkpoints.is_dir():
        return []
    return [path for path in sorted(checkpoints.iterdir()) if path.name != REMOVED]


def has_checkpoint(folder: Path) -> bool:
    """Whether a run, by its folder, has something to go on from."""
    return any((folder / CHECKPOINTS).glob("*.pth"))


def drop_the_one_before(folder: Path) -> None:
    """Of a run that is done, by its folder: the last checkpoint alone is of use to anybody."""
    for name in _BEFORE:
        (folder / CHECKPOINTS / name).unlink(missing_ok=True)
