"""A COCO file looked at some thousand annotations at a time, for files too large to parse whole.

It finds what is found in the parsed file, in the same words, or gives up: errors and whatever is
unusual are told by those who parse the file.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import orjson

from noisyseg.annotation_files.columns import Columns, ImageTable, columns_in, joined
from noisyseg.annotation_files.document import check_document, encode_annotations
from noisyseg.annotation_files.fields import FIELDS, all_fit
from noisyseg.annotation_files.file_layout import FileLayout, layout_of
from noisyseg.annotation_files.findings import Finding, Level, grouped
from noisyseg.annotation_files.identities import identity_findings
from noisyseg.annotation_files.mapped_file import Content, let_go
from noisyseg.annotation_files.shapes import AT_ONCE, shape_findings
from noisyseg.annotation_files.usage import usage_findings
from noisyseg.bench.datasets.checked_annotations import Facts, noted_images
from noisyseg.errors import InputError

Document = dict[str, Any]


class _UnusualError(Exception):
    """Something that whoever parses the file must tell."""


def streamed_facts(data: Content, classes: Sequence[str], part: str) -> Facts | None:
    """What is known of a file all of whose annotations are of the run's classes.

    Args:
        data: the file.
        classes: of the run, in order.
        part: "train" or "eval".

    Returns:
        None where the file must be parsed: it has errors, oddities, or other classes.
    """
    opened = _opened(data, classes)
    try:
        return None if opened is None else _facts(data, *opened, part)
    except (_UnusualError, InputError, orjson.JSONDecodeError):
        return None


def streamed_blocks(data: Content, classes: Sequence[str]) -> Iterator[bytes] | None:
    """The bytes of the prepared file that is made from such a file; None where it must be parsed.

    Args:
        data: the file, which has been checked.
        classes: of the run, in order.
    """
    opened = _opened(data, classes)
    return None if opened is None else (block for _, block in _encoded(data, *opened))


def _opened(data: Content, classes: Sequence[str]) -> tuple[FileLayout, Document] | None:
    """Where the entries stand, and the file without its annotations; None for what is unusual."""
    layout = layout_of(data, named=True)
    if layout is None or not len(layout.annotations):
        return None
    try:
        return layout, _chosen(data, layout, classes)
    except (_UnusualError, InputError, orjson.JSONDecodeError):
        return None


def _chosen(data: Content, layout: FileLayout, classes: Sequence[str]) -> Document:
    """The file without its annotations, its categories in the run's order."""
    first, last = int(layout.annotations[0, 3]), int(layout.annotations[-1, 4])
    document = orjson.loads(data[:first] + data[last:])
    check_document(document, "")
    by_name = {entry["name"]: entry for entry in document["categories"]}
    _require(document["annotations"] == [] and set(classes) <= by_name.keys())
    categories = [by_name[name] for name in classes]
    rows = layout.annotations
    _require(bool(np.isin(rows[:, 1], layout.images[:, 0]).all()))
    _require(bool(np.isin(rows[:, 2], [entry["id"] for entry in categories]).all()))
    _require(int(rows[:, 0].min()) >= 0)
    return {**document, "categories": categories}


def _facts(data: Content, layout: FileLayout, document: Document, part: str) -> Facts:
    table = ImageTable.of(document["images"])
    digest, size = hashlib.sha256(), 0
    columns: list[Columns] = []
    findings: list[Finding] = []
    for entries, block in _encoded(data, layout, document):
        digest.update(block)
        size += len(block)
        if not entries:
            continue
        _require(all_fit(entries, FIELDS["annotations"]))
        found = columns_in(entries, table, document["categories"])
        findings += _sound(list(shape_findings(found)))
        columns.append(replace(found, annotations=()))
    whole = joined(columns)
    first = _sound(list(identity_findings(whole)))
    used = _sound(list(usage_findings(whole, part)))
    return Facts(
        sha256=digest.hexdigest(),
        size=size,
        found=grouped([*first, *findings, *used]),
        images=noted_images(whole),
    )


def _around(document: Document) -> tuple[bytes, bytes]:
    """The bytes of a document with an empty list of annotations, before its end and from it on."""
    keys = list(document)
    place = keys.index("annotations") + 1
    head = encode_annotations({key: document[key] for key in keys[:place]})
    rest = encode_annotations({key: document[key] for key in keys[place:]})
    return head[:-2], b"]" + (b"," + rest[1:] if keys[place:] else b"}")


def _encoded(
    data: Content, layout: FileLayout, document: Document
) -> Iterator[tuple[list[Any], bytes]]:
    """The annotations in parts, the last of none; and the bytes that each adds to the file."""
    between, tail = _around(document)
    for entries in _parts(data, layout):
        yield entries, between + encode_annotations(entries)[1:-1]
        between = b","
    yield [], tail


def _parts(data: Content, layout: FileLayout) -> Iterator[list[Any]]:
    for begin in range(0, len(layout.annotations), AT_ONCE):
        rows = layout.annotations[begin : begin + AT_ONCE]
        let_go(data)
        yield orjson.loads(b"[" + data[int(rows[0, 3]) : int(rows[-1, 4])] + b"]")


def _sound(findings: list[Finding]) -> list[Finding]:
    _require(all(finding.level is not Level.ERROR for finding in findings))
    return findings


def _require(usual: bool) -> None:
    if not usual:
        raise _UnusualError
