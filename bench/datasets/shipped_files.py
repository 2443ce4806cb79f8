"""Files that come with noisyseg: `shipped://boards/train` is found wherever it is installed."""

from pathlib import Path

from noisyseg.errors import InputError, unknown_name
from noisyseg.located_yaml import Located

PREFIX = "shipped://"
FOLDER = Path(__file__).parent / "shipped"


def placed_path(value: str, root: Path, *, where: str) -> Path:
    """A path of a suite: from noisyseg's own files if it begins with `shipped://`, else from root.

    Raises:
        InputError: nothing of that name comes with noisyseg, or its files are not installed.
    """
    if not value.startswith(PREFIX):
        return root / value
    first, *parts = value.removeprefix(PREFIX).split("/")
    known = _folders(value, where)
    if ".." in (first, *parts):
        raise InputError(
            f"{where}: wanted the path of a file that comes with noisyseg, got {value}: .. is not "
            f"allowed in it. Begin with {PREFIX} and one of {', '.join(known)}."
        )
    if first not in known:
        raise unknown_name(f"folder of {PREFIX}", first, known, where)
    path = FOLDER.joinpath(first, *parts)
    if not path.exists():
        raise InputError(f"{where}: noisyseg brings no {value}: there is nothing at {path}.")
    return path


def _folders(value: str, where: str) -> list[str]:
    """The names of the folders that come with noisyseg."""
    try:
        return sorted(path.name for path in FOLDER.iterdir() if path.is_dir())
    except OSError as error:
        raise InputError(
            f"{where}: wanted {value}, of the files that come with noisyseg in {FOLDER}, which "
            f"cannot be read: {error.strerror}. Install noisyseg again, whole."
        ) from error


def is_shipped(data: Located) -> bool:
    """Whether every path of a suite's `data` section is of noisyseg's own files."""
    parts = [entry for entry in data.values() if isinstance(entry, Located)]
    paths = [part[key] for part in parts for key in ("annotations", "images") if key in part]
    return bool(paths) and all(str(path).startswith(PREFIX) for path in paths)
