"""From a data set to the annotation files that a run reads: classes first, noise second.

A run's K classes are chosen before noise is applied: flipping an annotation into a class that is
not trained would turn class noise into a missing label, since mmdet drops it.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from noisyseg.annotation_files.columns import columns_of
from noisyseg.annotation_files.document import (
    collector_paused,
    parse_annotations,
)
from noisyseg.annotation_files.file_layout import category_names
from noisyseg.annotation_files.findings import grouped
from noisyseg.annotation_files.identities import FileIdentity, file_name, in_both_parts
from noisyseg.annotation_files.mapped_file import Content, map_file
from noisyseg.bench.datasets.checked_annotations import (
    NOTE,
    Facts,
    NotedImage,
    look_at,
    note_of,
    noted_images,
    written_before,
)
from noisyseg.bench.datasets.image_files import ListedImage
from noisyseg.bench.datasets.prepared_document import encode_prepared
from noisyseg.bench.datasets.present_images import check_images
from noisyseg.bench.datasets.ready import Ready
from noisyseg.bench.datasets.selection import select
from noisyseg.bench.datasets.split import Split
from noisyseg.bench.datasets.streamed_check import streamed_blocks, streamed_facts
from noisyseg.errors import InputError
from noisyseg.files import (
    canonical_json,
    sha256_bytes,
    sha256_file,
    write_atomically,
    write_blocks_atomically,
)

VERSION = 2


@dataclass(kw_only=True, slots=True, frozen=True)
class CheckedData:
    """A data set that can be trained on, and what its prepared files will hold.

    Attributes:
        classes: the run's classes in order.
        resolved: what enters the run key.
        parts: what is known of the files of `train` and `eval`.
        warnings: what whoever trains on it should know, each line with its file.
    """

    source: Ready
    classes: list[str]
    resolved: dict[str, Any]
    parts: dict[str, Facts]
    warnings: list[str]

    @property
    def folder(self) -> str:
        """The name of the folder of its prepared files, by content."""
        return prepared_folder(self.resolved)

    @property
    def train_sides(self) -> list[int]:
        """The shorter side, in pixels, of every training image with an annotation."""
        return [_side(image) for image in self.parts["train"].images if image["annotated"]]

    @property
    def trained_sides(self) -> list[int]:
        """Of those with an annotation that is trained on."""
        return [_side(image) for image in self.parts["train"].images if image["trained"]]

    @property
    def eval_images(self) -> int:
        """How many there are."""
        return len(self.parts["eval"].images)

    def listed(self, part: str) -> list[ListedImage]:
        """The images of `train` or `eval`."""
        return [
            ListedImage(file_name(image), image["width"], image["height"])
            for image in self.parts[part].images
        ]

    def file(self, part: str, folder: Path) -> Path:
        """Where `write_prepared` puts the file of `train` or `eval`."""
        return folder / self.folder / f"{part}.json"

    def document(self, part: str) -> dict[str, Any]:
        """What that file holds, parsed from the source: gigabytes of objects for COCO's."""
        split = dict(_splits(self.source))[part]
        whole = _document(self.source, part)
        return select(whole, self.classes, split=split, policy=self.source.policy)

    def blocks(self, part: str) -> Iterator[bytes]:
        """The bytes of that file, made from the source: not kept, for they are many.

        Raises:
            InputError: after the last one, if the source has changed since it was checked.
        """
        split = dict(_splits(self.source))[part]
        content = _content(self.source, part)
        blocks = None if split.limit else streamed_blocks(content, self.classes)
        digest = hashlib.sha256()
        for block in blocks or (encode_prepared(self.document(part), split.annotations),):
            digest.update(block)
            yield block
        if digest.hexdigest() != self.parts[part].sha256:
            raise InputError(f"{split.annotations} has changed since it was checked: start again.")


def check_data(source: Ready, prepared: Path | None = None) -> CheckedData:
    """Read a data set with every check that needs no training; write nothing.

    Args:
        source: of a suite.
        prepared: folder of prepared files: what was noted when these were written is not looked
            for again, but for the images' files.

    Raises:
        InputError: an unusable annotation file, a class it lacks, annotations that training or
            evaluation would stumble over, absent images, no annotation left.
    """
    with collector_paused():
        return _checked(source, prepared)


def _checked(source: Ready, prepared: Path | None) -> CheckedData:
    contents = {name: _content(source, name) for name, _ in _splits(source)}
    with ThreadPoolExecutor() as beside:  # hashing lets other threads run
        digests = beside.map(hashlib.sha256, contents.values())
        classes = source.classes or category_names(contents["train"])
    sums = {name: one.hexdigest() for name, one in zip(contents, digests, strict=True)}
    parts, documents = None, {}
    if classes is not None and prepared is not None:
        parts = written_before(prepared / prepared_folder(_resolved(source, sums, classes)))
    if parts is None and classes is not None:
        parts = _streamed(source, contents, classes)
    if parts is None:
        documents = {name: _document(source, name) for name in contents}
        classes = source.classes or [entry["name"] for entry in documents["train"]["categories"]]
    assert classes is not None
    known, files = {}, {}
    for name, split in _splits(source):
        known[name] = parts[name] if parts else _facts(documents.pop(name), classes, source, name)
        files[name] = check_images(known[name].images, split) if source.has_images else {}
    return CheckedData(
        source=source,
        classes=classes,
        resolved=_resolved(source, sums, classes),
        parts=known,
        warnings=_warnings(source, known, files),
    )


def _streamed(
    source: Ready, contents: Mapping[str, Content], classes: Sequence[str]
) -> dict[str, Facts] | None:
    """What is known of both files without parsing them whole, if that will do."""
    parts = {}
    for name, split in _splits(source):
        path = None if name in source.contents else split.annotations
        found = None if split.limit else streamed_facts(contents[name], classes, name, path)
        if found is None:
            return None
        parts[name] = found
    return parts


def _resolved(source: Ready, sums: Mapping[str, str], classes: Sequence[str]) -> dict[str, Any]:
    return {
        "name": source.name,
        "version": VERSION,
        "train_sha256": sums["train"],
        "eval_sha256": sums["eval"],
        "classes": list(classes),
        "images": source.policy,
        "limit": {name: split.limit for name, split in _splits(source)},
    }


def _content(source: Ready, name: str) -> Content:
    """The bytes of the annotation file of `train` or `eval`."""
    content = source.contents.get(name)
    return map_file(dict(_splits(source))[name].annotations) if content is None else content


def _document(source: Ready, name: str) -> dict[str, Any]:
    return parse_annotations(
        _content(source, name)[:], str(dict(_splits(source))[name].annotations)
    )


def _facts(whole: dict[str, Any], classes: Sequence[str], source: Ready, name: str) -> Facts:
    """The chosen part of a file, looked at."""
    split = dict(_splits(source))[name]
    document = select(whole, classes, split=split, policy=source.policy)
    columns = columns_of(document)
    found = look_at(columns, whole, split.annotations, part=name, policy=source.policy)
    content = encode_prepared(document, split.annotations)
    images = noted_images(columns)
    return Facts(sha256=sha256_bytes(content), size=len(content), found=found, images=images)


def _warnings(
    source: Ready,
    parts: Mapping[str, Facts],
    files: Mapping[str, Mapping[FileIdentity, Mapping[str, Any]]],
) -> list[str]:
    """What was found of each file, and of both together, each line with its file."""
    both = grouped(in_both_parts(files["train"], files["eval"]))
    lines = {"train": parts["train"].found, "eval": [*parts["eval"].found, *both]}
    return [
        f"{split.annotations}: {line}" for name, split in _splits(source) for line in lines[name]
    ]


def prepared_folder(resolved: Mapping[str, Any]) -> str:
    """The name of the folder of a data set's prepared files, by what enters the run key of it."""
    return sha256_bytes(canonical_json(resolved))[:16]


def _side(image: NotedImage) -> int:
    return min(image["width"], image["height"])


def write_prepared(data: CheckedData, folder: Path) -> None:
    """Write the prepared files below folder, unless they are there.

    Raises:
        InputError: the folder cannot be written to.
    """
    for part, facts in data.parts.items():
        path = data.file(part, folder)
        if not path.is_file() or sha256_file(path) != facts.sha256:
            write_blocks_atomically(path, data.blocks(part))
    note, content = folder / data.folder / NOTE, note_of(data.parts)
    if not note.is_file() or note.read_bytes() != content:
        write_atomically(note, content)


def _splits(source: Ready) -> tuple[tuple[str, Split], ...]:
    return ("train", source.train), ("eval", source.eval)
