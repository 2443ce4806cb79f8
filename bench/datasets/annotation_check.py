"""Everything that is wrong with a COCO-format file, not only what is found first."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from noisyseg.annotation_files.columns import columns_of
from noisyseg.annotation_files.consistency import consistency_findings, entry_findings
from noisyseg.annotation_files.document import parse_annotations
from noisyseg.annotation_files.fields import entry_fault
from noisyseg.annotation_files.findings import EXPORT, Finding, Level
from noisyseg.annotation_files.identities import file_name, identity_findings
from noisyseg.annotation_files.shapes import shape_findings
from noisyseg.annotation_files.usage import usage_findings
from noisyseg.bench.datasets.check_report import Fault
from noisyseg.errors import InputError

_SECTIONS = ("images", "annotations", "categories")
_LEAVES = "a file name leaves the images' folder"

Document = dict[str, Any]


def usable_part(data: bytes, path: Path) -> tuple[Document | None, list[Fault]]:
    """The entries of a COCO file that can be looked at further, and what is wrong with others.

    Args:
        data: the file's bytes.
        path: named in faults.

    Returns:
        A document with the entries that can be used, None if it is no COCO file at all; the faults.
    """
    try:
        raw = orjson.loads(data)
        whole = isinstance(raw, dict) and all(isinstance(raw.get(key), list) for key in _SECTIONS)
    except orjson.JSONDecodeError:
        whole = False
    if not whole:
        return None, [_unusable(data, path)]
    faults = [
        Fault(kind=finding.kind, where=f"{path}: {finding.where}", mend=finding.mend)
        for finding in entry_findings(raw)
    ]
    usable = {
        section: [entry for entry in raw[section] if entry_fault(section, entry) is None]
        for section in (_SECTIONS if faults else ())
    }
    return {**raw, **usable}, faults


def _unusable(data: bytes, path: Path) -> Fault:
    """Why a file is no COCO file at all, in the words that training would have for it."""
    try:
        parse_annotations(data, str(path))
    except InputError as error:
        return Fault(kind="an annotation file cannot be used", where=str(error), mend=EXPORT)
    raise AssertionError(path)


def annotation_findings(document: Document) -> Iterator[Finding]:
    """What is found in entries that are well-formed by themselves.

    Args:
        document: of `usable_part`.
    """
    yield from consistency_findings(document)
    for image in document["images"]:
        if not stays_inside(file_name(image)):
            where = repr(file_name(image))
            yield Finding(level=Level.ERROR, kind=_LEAVES, where=where)
    columns = columns_of(document)
    yield from identity_findings(columns)
    yield from shape_findings(columns)
    known = {section: {entry["id"] for entry in document[section]} for section in _SECTIONS}
    whole = {
        **document,
        "annotations": [entry for entry in document["annotations"] if _is_whole(entry, known)],
    }
    yield from usage_findings(columns_of(whole))


def _is_whole(annotation: Mapping[str, Any], known: Mapping[str, set[int]]) -> bool:
    """Whether training and evaluation can be asked what they would do with it."""
    listed = annotation["image_id"] in known["images"]
    named = annotation["category_id"] in known["categories"]
    return listed and named and isinstance(annotation.get("area"), int | float)


def stays_inside(name: str) -> bool:
    """Whether an image's file name leads to a place in the images' folder."""
    if ".." in name and ".." in Path(name).parts:
        return False
    return not os.path.isabs(name)
