"""Where the official archives put their folders, and what is wrong when they are not there."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from noisyseg.errors import InputError

_LEVELS_UP = 2
_LEVELS_DOWN = 3


@dataclass(kw_only=True, slots=True, frozen=True)
class Place:
    """A data set's own folder.

    Attributes:
        what: the data set, for messages.
        paths: where the folder may lie, from the root that a user names.
        needs: what it holds.
        archive: what unpacks to it.
    """

    what: str
    paths: tuple[str, ...]
    needs: tuple[str, ...]
    archive: str


def locate_place(place: Place, root: Path) -> Path:
    """The data set's own folder, below root or root itself.

    Raises:
        InputError: it is not there; says where it was found instead, or what it lacks.
    """
    if not root.is_dir():
        raise InputError(f"no folder {root}, where {place.what} was looked for.")
    folders = [root / path for path in place.paths]
    for folder in folders:
        if _is_whole(place, folder):
            return folder
    elsewhere = next(_search(place, root), None)
    if elsewhere is not None:
        raise InputError(
            f"{place.what} is not at {folders[0]}; its folder was found at {elsewhere}: name that "
            "one (--root, or --data-root of run)."
        )
    begun = [folder for folder in folders[:-1] if folder.is_dir() and _some(place, folder)]
    if begun:
        lacking = [name for name in place.needs if not (begun[0] / name).exists()]
        raise InputError(
            f"{begun[0]} is not all of {place.what}: {', '.join(lacking)} is not there. Unpack "
            f"{place.archive} again."
        )
    raise InputError(
        f"{place.what} is not in {root}: wanted {folders[0]} with {', '.join(place.needs)}, as "
        f"{place.archive} unpacks."
    )


def listed_names(path: Path) -> list[str]:
    """The image names of an image set: the first word of each line.

    Raises:
        InputError: no such file, no name in it, or a name twice.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError as error:
        raise InputError(f"no image list at {path}: unpack the archive again.") from error
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not a text file of image names.") from error
    names = [line.split()[0] for line in lines if line.strip()]
    if not names:
        raise InputError(f"{path} names no image: it is empty. Unpack the archive again.")
    if any(os.sep in name or name.startswith(".") for name in names):
        raise InputError(f"{path}: wanted plain image names, one a line.")
    repeated = len(names) - len(set(names))
    if repeated:
        raise InputError(f"{path} names {repeated} images twice.")
    return names


def _is_whole(place: Place, folder: Path) -> bool:
    return all(os.path.exists(folder / name) for name in place.needs)


def _some(place: Place, folder: Path) -> bool:
    return any(os.path.exists(folder / name) for name in place.needs)


def _search(place: Place, root: Path) -> Iterator[Path]:
    """Folders near root that hold what the data set needs."""
    start = root.resolve()
    for above in [*start.parents][:_LEVELS_UP]:
        for path in place.paths:
            if _is_whole(place, above / path):
                yield above / path
    yield from _below(place, start, _LEVELS_DOWN)


def _below(place: Place, folder: Path, levels: int) -> Iterator[Path]:
    if _is_whole(place, folder):
        yield folder
    if not levels:
        return
    try:
        inner = sorted(entry.path for entry in os.scandir(folder) if entry.is_dir())
    except OSError:  # may not be entered
        return
    for path in inner[:100]:
        yield from _below(place, Path(path), levels - 1)
