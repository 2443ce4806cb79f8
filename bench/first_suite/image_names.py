"""Which image files are meant by names that lead to none as they are."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath
from typing import Any
from urllib.parse import unquote

from noisyseg.annotation_files.identities import file_name
from noisyseg.bench.first_suite.folder_walk import walk
from noisyseg.errors import InputError


@dataclass(frozen=True, slots=True)
class ImageFiles:
    """Files of a folder.

    Attributes:
        by_name: paths from the folder, by their last parts.
    """

    by_name: dict[str, list[str]]

    def meant(self, name: str) -> list[str]:
        """Paths of the files that a name may mean; one, where that is clear.

        Files count by their own names alone; of several, those whose folders are also named.
        """
        for own in _spellings(name):
            if paths := self.by_name.get(own):
                return _most_alike(name, paths)
        return []


def files_in(folder: Path) -> ImageFiles:
    """The files of a folder itself."""
    return _files(folder, [(folder, _names(folder))])


def files_below(folder: Path, fits: Callable[[Path], bool]) -> ImageFiles:
    """The files of a folder and of those below it, as far as a folder fits."""
    return _files(folder, ((place, names) for place, names in walk(folder) if fits(place)))


def _files(folder: Path, listed: Iterable[tuple[Path, Sequence[str]]]) -> ImageFiles:
    found: dict[str, list[str]] = {}
    for place, names in listed:
        start = place.relative_to(folder)
        for name in names:
            path = (start / name).as_posix()
            if path.isascii() or _is_text(path):
                found.setdefault(name, []).append(path)
    return ImageFiles(found)


def last_part(name: str) -> str:
    """The file's own name of a path, an address, or a path as Windows writes it."""
    return PureWindowsPath(_path(name)).name  # which takes / as well


def renamed(
    images: Sequence[dict[str, Any]], files: ImageFiles, path: Path
) -> list[dict[str, Any]]:
    """The images under the names of their files; one that has none, under its name's last part.

    Args:
        images: as the annotation file lists them.
        files: that they may be.
        path: of the annotation file, for messages.

    Raises:
        InputError: two images then have the same file, or one may be several.
    """
    named: list[dict[str, Any]] = []
    known: dict[str, str] = {}
    for image in images:
        old = file_name(image)
        meant = files.meant(old) or [last_part(old)]
        if len(meant) > 1:
            raise InputError(
                f"{path}: its file names lead nowhere from here, and {old!r} may be {meant[0]!r} "
                f"or {meant[1]!r}: {_NAME_IT}"
            )
        if known.setdefault(meant[0], old) is not old:
            raise InputError(
                f"{path}: its file names lead nowhere from here, and by their last parts "
                f"{known[meant[0]]!r} and {old!r} are one: {_NAME_IT}"
            )
        named.append({**image, "file_name": meant[0]})
    return named


_NAME_IT = "name the folder that they start from (--train-images, --eval-images)."


def _spellings(name: str) -> Iterator[str]:
    """The file's own name as it is, then unescaped, then with its ending in other letters."""
    both = dict.fromkeys((PureWindowsPath(name).name, last_part(name)))
    yield from both
    for own in both:
        stem, ending = os.path.splitext(own)
        yield from (stem + other for other in (ending.lower(), ending.upper(), ending.title()))


def _most_alike(name: str, paths: Sequence[str]) -> list[str]:
    wanted = PureWindowsPath(_path(name)).parts[-2::-1]
    counts = []
    for path in paths:
        pairs = zip(wanted, PureWindowsPath(path).parts[-2::-1], strict=False)
        unlike = (place for place, (one, other) in enumerate(pairs) if one != other)
        counts.append(next(unlike, min(len(wanted), path.count("/"))))
    return [path for path, count in zip(paths, counts, strict=True) if count == max(counts)]


def _path(name: str) -> str:
    return unquote(name.partition("?d=")[2] or name)  # Label Studio: /data/local-files/?d=a/b.jpg


def _names(folder: Path) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:  # a folder that is not to be read has no images
        return []


def _is_text(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:  # a name that no annotation file can have
        return False
    return True
