"""Which folder holds the images that an annotation file names."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath
from typing import Any
from urllib.parse import unquote

from noisyseg.annotation_files.identities import file_name
from noisyseg.bench.datasets.annotation_check import stays_inside
from noisyseg.bench.datasets.image_files import ListedImage, check_image_files
from noisyseg.bench.datasets.selection import spread
from noisyseg.bench.first_suite.file_roles import role_of, words_of
from noisyseg.errors import InputError

_LOOKED_FOR = 24  # images of a file
_HEADERS = 32  # images whose size is read


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageFolder:
    """Where images lie.

    Attributes:
        folder: that file names start from.
        renamed: whether the file's names lead nowhere, but their last parts are in the folder.
    """

    folder: Path
    renamed: bool = False


def image_folder(
    annotations: Path, images: Sequence[dict[str, Any]], folders: Iterable[Path], root: Path
) -> ImageFolder:
    """The folder from which the file's names lead to images.

    Of several the one is taken that has most of them, then the one whose name says the same part
    of the data as the file's, then the nearest.

    Args:
        annotations: the file.
        images: as it lists them.
        folders: that may be it.
        root: below which names tell what a folder is for.

    Raises:
        InputError: none has any of the images.
    """
    names = [file_name(image) for image in spread(images, _LOOKED_FOR)]
    # Together: of names that a tool has escaped, those without a space may be right as they are.
    ranked = sorted(
        (-hits, renamed, *_distance(annotations, folder, root), folder)
        for renamed, wanted in ((False, names), (True, [last_part(name) for name in names]))
        for folder in dict.fromkeys(folders)
        if (hits := _hits(folder, wanted))
    )
    if ranked:
        found: Path = ranked[0][-1]
        return ImageFolder(folder=found, renamed=ranked[0][1])
    raise InputError(
        f"no image of {annotations} was found: it names {len(images)}, such as {names[0]!r}, and "
        f"{_where(folders)} any of {len(names)} of them. Name the folder that their names start "
        "from (--train-images, --eval-images), or export the data with its images."
    )


def last_part(name: str) -> str:
    """The file's own name of a path, an address, or a path as Windows writes it."""
    path = unquote(name.partition("?d=")[2] or name)  # Label Studio: /data/local-files/?d=a/b.jpg
    return PureWindowsPath(path).name  # which takes / as well


def check_sizes(images: Sequence[dict[str, Any]], folder: Path) -> None:
    """Read the headers of some images, and compare them with what the annotation file says.

    Raises:
        InputError: an image that training cannot read, or of another size.
    """
    some = spread(images, _HEADERS)
    listed = [ListedImage(file_name(one), one["width"], one["height"]) for one in some]
    check_image_files([one for one in listed if (folder / one.file_name).is_file()], folder)


def _hits(folder: Path, names: Sequence[str]) -> int:
    count = 0
    for name in names:
        try:
            count += bool(name) and stays_inside(name) and (folder / name).is_file()
        except (OSError, ValueError):  # a name that no file can have
            continue
    return count


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
