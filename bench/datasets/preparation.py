"""From a data set to the annotation files that a run reads: classes first, noise second.

A run's K classes are chosen before noise is applied: flipping an annotation into a class that is
not trained would turn class noise into a missing label, since mmdet drops it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from noisyseg.annotation_files.columns import columns_of
from noisyseg.annotation_files.document import (
    collector_paused,
    encode_annotations,
    parse_annotations,
    read_bytes,
)
from noisyseg.annotation_files.findings import grouped
from noisyseg.annotation_files.identities import FileIdentity, file_name, in_both_parts
from noisyseg.annotation_files.usage import trained_annotations
from noisyseg.bench.datasets.checked_annotations import (
    NOTE,
    Found,
    look_at,
    note_of,
    written_before,
)
from noisyseg.bench.datasets.image_files import ListedImage
from noisyseg.bench.datasets.present_images import check_images
from noisyseg.bench.datasets.ready import Ready
from noisyseg.bench.datasets.selection import select
from noisyseg.bench.datasets.split import Split
from noisyseg.errors import placed
from noisyseg.files import canonical_json, sha256_bytes, write_atomically

VERSION = 2


@dataclass(kw_only=True, slots=True, frozen=True)
class CheckedData:
    """A data set that can be trained on, and what its prepared files will hold.

    Attributes:
        classes: the run's classes in order.
        resolved: what enters the run key.
        contents: the bytes of the files of `train` and `eval`.
        listed: the images in them.
        train_sides: the shorter side, in pixels, of every training image with an annotation.
        trained_sides: of those with an annotation that is trained on.
        eval_images: how many there are.
        found: what whoever trains on it should know, of `train` and `eval`, a line each.
        warnings: the same, each line with its file, and what concerns both.
    """

    source: Ready
    classes: list[str]
    resolved: dict[str, Any]
    contents: dict[str, bytes]
    listed: dict[str, list[ListedImage]]
    train_sides: list[int]
    trained_sides: list[int]
    eval_images: int
    found: Found
    warnings: list[str]

    @property
    def folder(self) -> str:
        """The name of the folder of its prepared files, by content."""
        return _folder(self.resolved)

    def file(self, split: str, folder: Path) -> Path:
        """Where `write_prepared` puts the file of `train` or `eval`."""
        return folder / self.folder / f"{split}.json"


def check_data(source: Ready, prepared: Path | None = None) -> CheckedData:
    """Read a data set with every check that needs no training; write nothing.

    Args:
        source: of a suite.
        prepared: folder of prepared files: shapes that were looked at when these were written are
            not looked at again.

    Raises:
        InputError: an unusable annotation file, a class it lacks, annotations that training or
            evaluation would stumble over, absent images, no annotation left.
    """
    with collector_paused():
        return _checked(source, prepared)


def _checked(source: Ready, prepared: Path | None) -> CheckedData:
    sums: dict[str, str] = {}
    documents: dict[str, dict[str, Any]] = {}
    for name, split in _splits(source):
        data = source.contents.get(name)
        if data is None:
            data = read_bytes(split.annotations)
        sums[name] = sha256_bytes(data)
        documents[name] = parse_annotations(data, str(split.annotations))
    classes = source.classes or [entry["name"] for entry in documents["train"]["categories"]]
    resolved = {
        "name": source.name,
        "version": VERSION,
        "train_sha256": sums["train"],
        "eval_sha256": sums["eval"],
        "classes": classes,
        "images": source.policy,
        "limit": {name: split.limit for name, split in _splits(source)},
    }
    known = None if prepared is None else written_before(prepared / _folder(resolved))
    parts = {
        name: _part(documents.pop(name), classes, source, name=name, known=known)
        for name, _ in _splits(source)
    }
    return CheckedData(
        source=source,
        classes=classes,
        resolved=resolved,
        contents={name: part.content for name, part in parts.items()},
        listed={name: part.listed for name, part in parts.items()},
        train_sides=parts["train"].sides,
        trained_sides=parts["train"].trained_sides,
        eval_images=len(parts["eval"].listed),
        found={name: part.found for name, part in parts.items()},
        warnings=_warnings(source, parts),
    )


class _Part(NamedTuple):
    """What is kept of a part's document.

    Attributes:
        content: of its prepared file.
        listed: its images.
        found: what should be known of it, a line each.
        sides: the shorter side of its annotated images.
        trained_sides: of those with an annotation that is trained on.
        files: its images by their files.
    """

    content: bytes
    listed: list[ListedImage]
    found: list[str]
    sides: list[int]
    trained_sides: list[int]
    files: dict[FileIdentity, dict[str, Any]]


def _part(
    whole: dict[str, Any],
    classes: Sequence[str],
    source: Ready,
    *,
    name: str,
    known: Found | None,
) -> _Part:
    """The chosen part of a file, looked at unless it is known what is found."""
    split = dict(_splits(source))[name]
    document = select(whole, classes, split=split, policy=source.policy)
    columns = columns_of(document)
    if known is None:
        found = look_at(columns, whole, split.annotations, part=name, policy=source.policy)
    else:
        found = known[name]
    with placed(str(split.annotations)):
        content = encode_annotations(_with_file_names(document))
    return _Part(
        content=content,
        listed=[
            ListedImage(file_name(image), image["width"], image["height"])
            for image in document["images"]
        ],
        found=found,
        sides=_sides(document, document["annotations"]),
        trained_sides=_sides(document, trained_annotations(columns)),
        files=check_images(document, split) if source.has_images else {},
    )


def _warnings(source: Ready, parts: Mapping[str, _Part]) -> list[str]:
    """What was found of each file, and of both together, each line with its file."""
    both = grouped(in_both_parts(parts["train"].files, parts["eval"].files))
    lines = {"train": parts["train"].found, "eval": [*parts["eval"].found, *both]}
    return [
        f"{split.annotations}: {line}" for name, split in _splits(source) for line in lines[name]
    ]


def _folder(resolved: dict[str, Any]) -> str:
    return sha256_bytes(canonical_json(resolved))[:16]


def _with_file_names(document: dict[str, Any]) -> dict[str, Any]:
    """The document with a file name for each image, as mmdet's reader wants."""
    if all(image.get("file_name") for image in document["images"]):
        return document
    images = [{**image, "file_name": file_name(image)} for image in document["images"]]
    return {**document, "images": images}


def _sides(document: dict[str, Any], annotations: Sequence[dict[str, Any]]) -> list[int]:
    """The shorter side of every image with one of the annotations."""
    annotated = {annotation["image_id"] for annotation in annotations}
    return [
        min(image["width"], image["height"])
        for image in document["images"]
        if image["id"] in annotated
    ]


def write_prepared(data: CheckedData, folder: Path) -> None:
    """Write the prepared files below folder, unless they are there.

    Raises:
        InputError: the folder cannot be written to.
    """
    files = {data.file(name, folder): content for name, content in data.contents.items()}
    for path, content in (*files.items(), (folder / data.folder / NOTE, note_of(data.found))):
        if not path.is_file() or path.read_bytes() != content:
            write_atomically(path, content)


def _splits(source: Ready) -> tuple[tuple[str, Split], ...]:
    return ("train", source.train), ("eval", source.eval)
