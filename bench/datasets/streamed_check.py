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
from noisyseg.annotation_files.file_layout import Numbers, annotation_spans, layout_of
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


_UNUSUAL = (_UnusualError, InputError, orjson.JSONDecodeError)
_BEYOND = 1 << 63  # an id that is no 64-bit number


def streamed_facts(data: Content, classes: Sequence[str], part: str) -> Facts | None:
    """What is known of a file all of whose annotations are of the run's classes.

    Args:
        data: the file.
        classes: of the run, in order.
        part: "train" or "eval".

    Returns:
        None where the file must be parsed: it has errors, oddities, or other classes.
    """
    spans = annotation_spans(data)
    if spans is None or not len(spans):
        return None
    try:
        return _facts(data, spans, _chosen(data, spans, classes), part)
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
        _require(bool(np.isin(rows[:, 1], layout.images[:, 0]).all()))
        chosen = [entry["id"] for entry in document["categories"]]
        _require(bool(np.isin(rows[:, 2], chosen).all()))
    except _UNUSUAL:
        return None
    return (block for _, block in _encoded(data, rows[:, 3:], document))


def _chosen(data: Content, spans: Numbers, classes: Sequence[str]) -> Document:
    """The file without its annotations, its categories in the run's order."""
    first, last = int(spans[0, 0]), int(spans[-1, 1])
    document = orjson.loads(data[:first] + data[last:])
    check_document(document, "")
    by_name = {entry["name"]: entry for entry in document["categories"]}
    _require(document["annotations"] == [] and set(classes) <= by_name.keys())
    _require(all("file_name" in image for image in document["images"]))
    return {**document, "categories": [by_name[name] for name in classes]}


def _facts(data: Content, spans: Numbers, document: Document, part: str) -> Facts:
    table = ImageTable.of(document["images"])
    digest, size = hashlib.sha256(), 0
    columns: list[Columns] = []
    ids: list[int] = []
    findings: list[Finding] = []
    for entries, block in _encoded(data, spans, document):
        digest.update(block)
        size += len(block)
        if not entries:
            continue
        _require(all_fit(entries, FIELDS["annotations"]))
        ids += [entry["id"] for entry in entries]
        found = columns_in(entries, table, document["categories"])
        _require(len(found.annotations) == len(entries) and bool((found.class_of >= 0).all()))
        findings += _sound(list(shape_findings(found)))
        columns.append(replace(found, annotations=()))
    _require(len(set(ids)) == len(spans) == len(ids) and 0 <= min(ids) <= max(ids) < _BEYOND)
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
    data: Content, spans: Numbers, document: Document
) -> Iterator[tuple[list[Any], bytes]]:
    """The annotations in parts, the last of none; and the bytes that each adds to the file."""
    between, tail = _around(document)
    for entries in _parts(data, spans):
        yield entries, between + encode_annotations(entries)[1:-1]
        between = b","
    yield [], tail


def _parts(data: Content, spans: Numbers) -> Iterator[list[Any]]:
    for begin in range(0, len(spans), AT_ONCE):
        rows = spans[begin : begin + AT_ONCE]
        let_go(data)
        yield orjson.loads(b"[" + data[int(rows[0, 0]) : int(rows[-1, 1])] + b"]")


def _sound(findings: list[Finding]) -> list[Finding]:
    _require(all(finding.level is not Level.ERROR for finding in findings))
    return findings


def _require(usual: bool) -> None:
    if not usual:
        raise _UnusualError
