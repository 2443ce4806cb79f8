"""Which folder holds the images that an annotation file names."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from noisyseg.annotation_files.identities import file_name
from noisyseg.bench.datasets.annotation_check import stays_inside
from noisyseg.bench.datasets.image_files import ListedImage, check_image_files
from noisyseg.bench.datasets.selection import spread
from noisyseg.bench.first_suite.file_roles import role_of, words_of
from noisyseg.bench.first_suite.image_names import ImageFiles, files_below, files_in
from noisyseg.errors import InputError

_LOOKED_FOR = 24  # images of a file
_HEADERS = 32  # images whose size is read


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageFolder:
    """Where images lie.

    Attributes:
        folder: that file names start from.
        files: that the names mean, where they lead nowhere as they are; else None.
    """

    folder: Path
    files: ImageFiles | None = None


def image_folder(
    annotations: Path,
    images: Sequence[dict[str, Any]],
    folders: Iterable[Path],
    root: Path,
    *,
    within: Iterable[Path] = (),
) -> ImageFolder:
    """The folder from which the file's names lead to images.

    Of several the one is taken that has most of them, then one that has them under the very
    names, then one that has them itself, then the one whose name says the same part of the data as
    the file's, then the nearest.

    Args:
        annotations: the file.
        images: as it lists them.
        folders: that may be it.
        root: below which names tell what a folder is for.
        within: folders that may have the images in folders below them, which no name says.

    Raises:
        InputError: none has any of the images.
    """
    names = [file_name(image) for image in spread(images, _LOOKED_FOR)]
    some = list(dict.fromkeys(folders))
    fits = partial(_may_have, annotations, root)
    ways: tuple[tuple[Iterable[Path], Callable[[Path], ImageFiles | None]], ...] = (
        (some, lambda place: None),
        (some, files_in),
        (dict.fromkeys(within), lambda place: files_below(place, fits)),
    )
    found, best = None, 0
    # All are compared: of names that a tool has escaped, those without a space may be right.
    for places, files_of in ways:
        ranked = []
        for place in places if best < len(names) else ():
            if (hits := _hits(place, files_of(place), names)) > best:
                ranked.append((-hits, *_distance(annotations, place, root), place))
        if ranked:
            least = min(ranked)
            found, best = ImageFolder(folder=least[-1], files=files_of(least[-1])), -least[0]
    if found is not None:
        return found
    raise InputError(
        f"no image of {annotations} was found: it names {len(images)}, such as {names[0]!r}, and "
        f"{_where(some)} any of {len(names)} of them. Name the folder that their names start "
        "from (--train-images, --eval-images), or export the data with its images."
    )


def check_sizes(images: Sequence[dict[str, Any]], folder: Path) -> None:
    """Read the headers of some images, and compare them with what the annotation file says.

    Raises:
        InputError: an image that training cannot read, or of another size.
    """
    some = spread(images, _HEADERS)
    listed = [ListedImage(file_name(one), one["width"], one["height"]) for one in some]
    check_image_files([one for one in listed if (folder / one.file_name).is_file()], folder)


def _hits(folder: Path, files: ImageFiles | None, names: Sequence[str]) -> int:
    """How many of the names lead to a file, or mean one file each and another than the others."""
    if files is None:
        return sum(_is_there(folder, name) for name in names)
    meant = [files.meant(name) for name in names]
    return len({paths[0] for paths in meant if len(paths) == 1})


def _is_there(folder: Path, name: str) -> bool:
    try:
        return bool(name) and stays_inside(name) and (folder / name).is_file()
    except (OSError, ValueError):  # a name that no file can have
        return False


def _may_have(annotations: Path, root: Path, folder: Path) -> bool:
    """Whether a folder's name does not say another part of the data than the file's."""
    role, theirs = role_of(_below(annotations, root)), role_of(_below(folder / "_", root))
    return role is None or theirs is None or role == theirs


def _distance(annotations: Path, folder: Path, root: Path) -> tuple[bool, int, int, str]:
    """How far a folder's name and place are from a file's: smaller is nearer."""
    own = annotations.stem.partition("instances_")[2] or annotations.stem
    role = role_of(_below(annotations, root))
    theirs = role_of(_below(folder / "_", root))
    other_role = 0 if role == theirs else 1 if theirs is None or role is None else 2
    apart = set(words_of(str(_below(annotations, root)))) ^ set(words_of(str(_below(folder, root))))
    return folder.name != own, other_role, len(apart), str(folder)


def _below(path: Path, root: Path) -> Path:
    return path.relative_to(root) if path.is_relative_to(root) else Path(path.name)


def _where(folders: Iterable[Path]) -> str:
    places = list(folders)
    return f"none of {len(places)} folders, such as {places[0]}, has"
