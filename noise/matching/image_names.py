"""What an image is called in files of different tools: folders, endings and additions taken off."""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple
from unicodedata import normalize
from urllib.parse import unquote

_DEPTH = 4  # path parts; deeper folders never were what told two images apart
_ROBOFLOW = re.compile(r"(.+)[_-](?:jpe?g|png|bmp|webp|tiff?)\.rf\.\w+", re.IGNORECASE)
_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_UPLOAD = re.compile(rf"(?:{_UUID}|[0-9a-f]{{4,32}})[-_](.+)", re.IGNORECASE)  # Label Studio's
_LOCAL_FILES = "/local-files/?d="  # what Label Studio serves of a folder
_PUNCTUATION = re.compile(r"[\W_]+")

Parts = list[str]
Change = Callable[[str], str]


class Naming(NamedTuple):
    """What the images of two files are called, by one way to look at names."""

    label: str
    before: list[str]
    after: list[str]


def namings(before: Sequence[str], after: Sequence[str]) -> Iterator[Naming]:
    """Ways to look at the file names of two files, the strictest first.

    The whole name; its last part (base name); where base names repeat, the path below the folder
    that all share, and the last parts; the same without the ending; and without what annotation
    tools put around a name: Label Studio's `0a1b2c3d-name.jpg`, Roboflow's `name_jpg.rf.0a1b.jpg`.
    """
    yield Naming("file name", *([_composed(name) for name in names] for names in (before, after)))
    old, new = ([_parts(name) for name in names] for names in (before, after))
    yield from _by_last_parts((old, new), (_same, _same), "")
    yield from _by_last_parts((old, new), (_stem, _stem), " without its ending")
    for changes in ((_plain, _original), (_original, _plain), (_original, _original)):
        yield from _by_last_parts((old, new), changes, " without what annotation tools add")


def _by_last_parts(
    paths: tuple[list[Parts], list[Parts]], changes: tuple[Change, Change], suffix: str
) -> Iterator[Naming]:
    """By base names, which `changes` are made to in the file before and after; then by paths."""
    changed = [
        [[*path[:-1], change(path[-1])] for path in side]
        for side, change in zip(paths, changes, strict=True)
    ]
    yield Naming(f"base name{suffix}", *(["/".join(p[-1:]) for p in side] for side in changed))
    below = (_below_shared_folder(side) for side in changed)
    yield Naming(
        f"path below the shared folder{suffix}", *(["/".join(p) for p in s] for s in below)
    )
    for depth in range(2, _DEPTH + 1):
        label = f"last {depth} parts of the path{suffix}"
        yield Naming(label, *(["/".join(p[-depth:]) for p in side] for side in changed))


def _same(name: str) -> str:
    return name


def _composed(name: str) -> str:
    return normalize("NFC", name)  # macOS takes accents apart


def _parts(name: str) -> Parts:
    """The parts of a path or URL: `%20` is a space, a backslash a slash, a URL's `?…` nothing."""
    path = name.rpartition(_LOCAL_FILES)[2]
    path = path.partition("?")[0] if "://" in path else path
    parts = _composed(unquote(path)).replace("\\", "/").split("/")
    return [part for part in parts if part not in ("", ".")] or [name]


def _below_shared_folder(paths: list[Parts]) -> list[Parts]:
    shared = 0
    depth = min((len(path) for path in paths), default=1) - 1
    while shared < depth and len({path[shared] for path in paths}) == 1:
        shared += 1
    return [path[shared:] for path in paths]


def _stem(name: str) -> str:
    return name.rpartition(".")[0] or name


def _plain(name: str) -> str:
    """Letters and digits alone, in small: tools replace spaces and dots by what they like."""
    return _PUNCTUATION.sub("-", _stem(name)).casefold()


def _original(name: str) -> str:
    """The name without a tool's hash before or behind it, `_plain`."""
    found = _ROBOFLOW.fullmatch(_stem(name))
    stem = found[1] if found else _stem(name)
    found = _UPLOAD.fullmatch(stem)
    return _PUNCTUATION.sub("-", found[1] if found else stem).casefold()
