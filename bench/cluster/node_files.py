"""The files that a machine must have before runs are trained there, and whether it has them.

Images and weights lie on every node, under the driver's paths; all else can be sent.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import orjson

from noisyseg.annotation_files.annotation_index import IndexedFile, index_of
from noisyseg.annotation_files.identities import file_name
from noisyseg.bench.runs.run import Run
from noisyseg.files import sha256_file, write_atomically

_LOOKED_AT = 8  # images of a folder
_SHOWN = 3
_TOKEN = ".token-"  # in the store's root; the point keeps it apart from data sets


class Folder(NamedTuple):
    """A folder of images.

    Attributes:
        path: the driver's.
        sizes: of some images, by name: bytes; None where the driver cannot say.
    """

    path: str
    sizes: Mapping[str, int | None]


class Weights(NamedTuple):
    """A file of initial weights."""

    path: str
    sha256: str


class NeededFiles(NamedTuple):
    """What a node must have, each once however many runs need it."""

    folders: tuple[Folder, ...]
    weights: tuple[Weights, ...]


class Token(NamedTuple):
    """A file that the driver has put into the store's root, to be seen by who sees the store."""

    path: str
    content: str


def needed_files(runs: Sequence[Run]) -> NeededFiles:
    """What runs need of the machine that they are trained on.

    Raises:
        InputError: an annotation file of theirs cannot be read.
    """
    # A run's noise changes no image: the evaluation's file says which data set it is.
    lists: dict[tuple[Path, Path], Path] = {}
    weights: dict[tuple[Path, str], None] = {}
    for run in runs:
        lists.setdefault((run.train_images, run.eval_annotations), run.train_annotations)
        lists.setdefault((run.eval_images, run.eval_annotations), run.eval_annotations)
        if run.submission is not None:
            split = run.submission
            lists.setdefault((split.images, split.annotations), split.annotations)
        sha256 = run.spec["model"].get("weights_sha256")
        if run.weights is not None and sha256 is not None:
            weights[run.weights, sha256] = None
    return NeededFiles(
        folders=tuple(_folder(images, listed) for (images, _), listed in lists.items()),
        weights=tuple(Weights(str(path), sha256) for path, sha256 in weights),
    )


def problems_here(files: NeededFiles) -> list[str]:
    """What this machine lacks of the files, a sentence each; none if it has all."""
    found = [_folder_problem(folder) for folder in files.folders]
    found += [_weights_problem(weights) for weights in files.weights]
    return [problem for problem in found if problem]


@contextmanager
def store_token(root: Path) -> Iterator[Token]:
    """A token in a store's root, removed at the end.

    Raises:
        InputError: the store cannot be written to.
    """
    token = lay_token(root)
    try:
        yield token
    finally:
        Path(token.path).unlink(missing_ok=True)


def lay_token(root: Path) -> Token:
    """Put a token into a store's root; whoever calls removes it.

    Raises:
        InputError: the store cannot be written to.
    """
    # A name that no machine has asked for: a network file system remembers what is not there.
    token = Token(str(root / f"{_TOKEN}{os.urandom(8).hex()}"), os.urandom(16).hex())
    write_atomically(Path(token.path), token.content.encode())
    return token


def sees(token: Token) -> bool:
    """Whether the store that the token lies in is this machine's, too."""
    try:
        return Path(token.path).read_text() == token.content
    except (OSError, UnicodeDecodeError):
        return False


def _folder(images: Path, annotations: Path) -> Folder:
    names = _some_names(annotations)
    return Folder(str(images.absolute()), {name: _size(images / name) for name in names})


def _some_names(annotations: Path) -> list[str]:
    """File names of a few of the images that an annotation file lists, evenly spread."""
    index = index_of(annotations)
    if index is None:
        images = _listed_images(annotations)
        return [file_name(images[place]) for place in _spread(len(images))]
    listed = IndexedFile(annotations, index, np.arange(len(index.images)))
    return [file_name(listed.entries(place)[0]) for place in _spread(len(listed))]


def _listed_images(annotations: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = orjson.loads(annotations.read_bytes())["images"]
    return found


def _spread(number: int) -> list[int]:
    """Places of the first, the last and some between."""
    most = min(number, _LOOKED_AT)
    return [place * (number - 1) // max(most - 1, 1) for place in range(most)]


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None


def _folder_problem(folder: Folder) -> str | None:
    path = Path(folder.path)
    if not path.is_dir():
        return f"no folder {path}, where images should be"
    wrong = [_image_problem(path, name, size) for name, size in folder.sizes.items()]
    found = [problem for problem in wrong if problem]
    if not found:
        return None
    shown = _shown(found)
    return f"{path}: of {len(wrong)} images looked for, {len(found)} are wrong: {shown}"


def _image_problem(folder: Path, name: str, wanted: int | None) -> str | None:
    path = folder / name
    if not path.is_file():
        return f"{name} is not there"
    found = _size(path)
    if wanted is not None and found != wanted:
        return f"{name} has {found} bytes, not {wanted}"
    return None


def _weights_problem(weights: Weights) -> str | None:
    path = Path(weights.path)
    try:
        found = sha256_file(path)
    except FileNotFoundError:
        return f"no weights at {path}"
    except OSError as error:
        return f"the weights {path} cannot be read: {error.strerror}"
    if found == weights.sha256:
        return None
    return f"other weights at {path}: SHA-256 {found[:16]}…, not {weights.sha256[:16]}…"


def _shown(entries: Iterable[str]) -> str:
    entries = list(entries)
    return "; ".join(entries[:_SHOWN]) + "; …" * (len(entries) > _SHOWN)
