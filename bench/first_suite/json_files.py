"""The annotation files in a folder: told from other JSON by what is in them, not by their names."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import orjson

from noisyseg.annotation_files.mapped_file import Content, let_go, map_file
from noisyseg.bench.datasets.selection import spread
from noisyseg.bench.first_suite.file_roles import role_of, words_of
from noisyseg.bench.first_suite.folder_walk import walk
from noisyseg.errors import InputError
from noisyseg.foreign_files import describe_foreign

_MOST_FILES = 20_000
_LOOKED_AT = 100  # annotations of a file
_SMALL = 64 << 20  # bytes of a file that is worth a parse to say what it is
_LISTS = ("images", "annotations", "categories")


class _Lists(msgspec.Struct, gc=False):
    images: list[msgspec.Raw] = []
    annotations: list[msgspec.Raw] = []
    categories: list[msgspec.Raw] = []


_DECODER = msgspec.json.Decoder(_Lists)


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """A file of COCO's form with instances.

    Attributes:
        role: by its name, see `file_roles`.
        rank: the smaller, the more it is meant for instances, where others are there as well.
    """

    path: Path
    role: str | None
    rank: int
    images: int
    annotations: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Contents:
    """What a folder holds.

    Attributes:
        folders: it and those below it, in order.
        candidates: annotation files that can be used.
        others: why other JSON files cannot be, the first file of each reason: reason → (files,
            number).
    """

    root: Path
    folders: list[Path]
    candidates: list[Candidate] = field(default_factory=list)
    others: dict[str, tuple[Path, int]] = field(default_factory=dict)


def look_into(root: Path) -> Contents:
    """Every folder and every JSON file in a folder, some levels deep.

    Raises:
        InputError: it is not there, no folder, not to be read, or has too many JSON files.
    """
    _check_folder(root)
    found = Contents(root=root, folders=[])
    number = 0
    for folder, names in walk(root):
        found.folders.append(folder)
        for path in (folder / name for name in names if name.lower().endswith(".json")):
            number += 1
            if number > _MOST_FILES:
                raise InputError(
                    f"{root} has more than {_MOST_FILES} JSON files: name the two of COCO's form "
                    "by --train FILE and --eval FILE."
                )
            _add(found, path)
    return found


def _check_folder(root: Path) -> None:
    if not root.exists():
        raise InputError(f"there is no folder {root}: name the one of your images and annotations.")
    if not root.is_dir():
        raise InputError(
            f"{root} is a file: name the folder of your data, and a file in it by --train FILE and "
            "--eval FILE if it has several."
        )
    try:
        if not os.listdir(root):
            raise InputError(f"{root} is empty: name the folder of your images and annotations.")
    except OSError as error:
        raise InputError(f"cannot read the folder {root}: {error.strerror}.") from error


def _add(found: Contents, path: Path) -> None:
    if _is_made_here(path) or not path.is_file():  # a pipe would be waited for
        return
    try:
        found.candidates.append(candidate(path, found.root))
    except InputError as error:
        reason = str(error)
        first, count = found.others.get(reason, (path, 0))
        found.others[reason] = (first, count + 1)


def _is_made_here(path: Path) -> bool:
    """Whether it is a noisy file of noisyseg's, or a manifest: noise is the suite's to make."""
    stem = path.name.removesuffix(".json")
    return stem.endswith(".manifest") or path.with_name(f"{stem}.manifest.json").exists()


def candidate(path: Path, root: Path) -> Candidate:
    """The file, if it is of COCO's form with instances.

    Raises:
        InputError: why it cannot be used, in a sentence that begins with "it" and does not name it.
    """
    data = map_file(path)
    try:
        lists = _DECODER.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(_foreign(data, path)) from error
    if not (lists.images and lists.annotations and lists.categories):
        raise InputError(_lacking(lists, data, path))
    sample = [_parsed(raw) for raw in spread(lists.annotations, _LOOKED_AT)]
    usable = [entry for entry in sample if "image_id" in entry and "category_id" in entry]
    if not usable or "segments_info" in sample[0]:
        raise InputError(_foreign(data, path))
    if not any(entry.get("segmentation") for entry in usable):
        raise InputError("its annotations are boxes without masks (no segmentation)")
    below = path.relative_to(root) if path.is_relative_to(root) else Path(path.name)
    counts = len(lists.images), len(lists.annotations)
    del lists
    let_go(data)
    return Candidate(
        path=path,
        role=role_of(below),
        rank=_rank(path, usable),
        images=counts[0],
        annotations=counts[1],
    )


def _rank(path: Path, sample: Sequence[dict[str, Any]]) -> int:
    """Keypoints and stuff come with COCO's instances, in files of their own."""
    words = words_of(path.stem)
    if "instances" in words or "instance" in words:
        return 0
    aside = any("keypoints" in entry for entry in sample) or "stuff" in words
    return 2 if aside else 1


def _parsed(raw: msgspec.Raw) -> dict[str, Any]:
    value = orjson.loads(bytes(raw))
    return value if isinstance(value, dict) else {}


def _lacking(lists: _Lists, data: Content, path: Path) -> str:
    counts = [key for key in _LISTS if not getattr(lists, key)]
    known = _described(data, path)
    if known is not None:
        return known
    if len(counts) == len(_LISTS):
        return "it has none of COCO's lists images, annotations and categories"
    return f"its list of {' and of '.join(counts)} is absent or empty"


def _foreign(data: Content, path: Path) -> str:
    return _described(data, path) or "it is not COCO's JSON of instances"


def _described(data: Content, path: Path) -> str | None:
    if len(data) > _SMALL:
        return None
    return describe_foreign(bytes(data), path.name)
