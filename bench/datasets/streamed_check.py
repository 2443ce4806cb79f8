"""A COCO file looked at some thousand annotations at a time, for files too large to parse whole.

It finds what is found in the parsed file, in the same words, or gives up: errors and whatever is
unusual are told by those who parse the file.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from pathlib import Path

import numpy as np
import orjson

from noisyseg.annotation_files.columns import joined
from noisyseg.annotation_files.document import check_document, encode_annotations
from noisyseg.annotation_files.file_layout import (
    Numbers,
    annotation_spans,
    layout_of,
    without_annotations,
)
from noisyseg.annotation_files.findings import grouped
from noisyseg.annotation_files.identities import identity_findings
from noisyseg.annotation_files.mapped_file import Content, let_go
from noisyseg.annotation_files.usage import usage_findings
from noisyseg.bench.datasets.annotation_looks import (
    Document,
    Look,
    UnusualError,
    are_many,
    block_of,
    entries_in,
    looks,
    looks_beside,
    parts_of,
    require,
    sound,
)
from noisyseg.bench.datasets.checked_annotations import Facts, noted_images
from noisyseg.errors import InputError

_UNUSUAL = (UnusualError, InputError, orjson.JSONDecodeError)


def streamed_facts(
    data: Content, classes: Sequence[str], part: str, path: Path | None = None
) -> Facts | None:
    """What is known of a file all of whose annotations are of the run's classes.

    Args:
        data: the file.
        classes: of the run, in order.
        part: "train" or "eval".
        path: where the file lies, if it does: several processes look at a large one.

    Returns:
        None where the file must be parsed: it has errors, oddities, or other classes.
    """
    spans = annotation_spans(data)
    if spans is None or not len(spans):
        return None
    try:
        document = _chosen(data, spans, classes)
        let_go(data)
        if path is not None and are_many(spans):
            try:
                return _facts(looks_beside(path, spans, document), document, part)
            except BrokenProcessPool:  # for want of memory, perhaps: one process needs less
                pass
        return _facts(looks(data, spans, document), document, part)
    except _UNUSUAL:
        return None


def streamed_blocks(data: Content, classes: Sequence[str]) -> Iterator[bytes] | None:
    """The bytes of the prepared file that is made from such a file; None where it must be parsed.

    Args:
        data: the file, which has been checked.
        classes: of the run, in order.
    """
    layout = layout_of(data, named=True)
    if layout is None or not len(layout.annotations):
        return None
    rows = layout.annotations
    try:
        document = _chosen(data, rows[:, 3:], classes)
        require(bool(np.isin(rows[:, 1], layout.images[:, 0]).all()))
        chosen = [entry["id"] for entry in document["categories"]]
        require(bool(np.isin(rows[:, 2], chosen).all()))
    except _UNUSUAL:
        return None
    spans = parts_of(rows[:, 3:])
    return _joined((block_of(entries_in(data, part)) for part in spans), document)


def _chosen(data: Content, spans: Numbers, classes: Sequence[str]) -> Document:
    """The file without its annotations, its categories in the run's order."""
    document = without_annotations(data, spans)
    check_document(document, "")
    by_name = {entry["name"]: entry for entry in document["categories"]}
    require(document["annotations"] == [] and set(classes) <= by_name.keys())
    require(all("file_name" in image for image in document["images"]))
    return {**document, "categories": [by_name[name] for name in classes]}


def _facts(found: Iterator[Look], document: Document, part: str) -> Facts:
    """What is known of a file once all of its parts have been looked at."""
    kept = []

    def blocks() -> Iterator[bytes]:
        for look in found:
            yield look.block
            kept.append(look._replace(block=b""))

    digest, size = hashlib.sha256(), 0
    for block in _joined(blocks(), document):
        digest.update(block)
        size += len(block)
    ids = np.concatenate([look.ids for look in kept])
    require(len(np.unique(ids)) == len(ids))
    whole = replace(
        joined([look.columns for look in kept]),
        images=document["images"],
        categories=document["categories"],
    )
    first = sound(list(identity_findings(whole)))
    used = sound(list(usage_findings(whole, part)))
    return Facts(
        sha256=digest.hexdigest(),
        size=size,
        found=grouped([*first, *(one for look in kept for one in look.findings), *used]),
        images=noted_images(whole),
    )


def _joined(blocks: Iterable[bytes], document: Document) -> Iterator[bytes]:
    """The bytes of a document whose annotations come in blocks, at least one."""
    between, tail = _around(document)
    for block in blocks:
        yield between + block
        between = b","
    yield tail


def _around(document: Document) -> tuple[bytes, bytes]:
    """The bytes of a document with an empty list of annotations, before its end and from it on."""
    keys = list(document)
    place = keys.index("annotations") + 1
    head = encode_annotations({key: document[key] for key in keys[:place]})
    rest = encode_annotations({key: document[key] for key in keys[place:]})
    return head[:-2], b"]" + (b"," + rest[1:] if keys[place:] else b"}")
