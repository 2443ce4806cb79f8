"""COCO annotation files: read with every check that training relies on, written whole."""

import gc
import reprlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from noisyseg.annotation_files.consistency import consistency_findings, entry_findings
from noisyseg.annotation_files.fields import FIELDS
from noisyseg.annotation_files.findings import refuse_errors
from noisyseg.errors import InputError
from noisyseg.files import write_atomically
from noisyseg.foreign_files import describe_foreign

CocoDocument = dict[str, Any]
"""A COCO file as read: lists `images`, `annotations`, `categories`, and whatever else it holds."""


def read_annotations(path: Path) -> CocoDocument:
    """A COCO annotation file, checked by `check_document`.

    Raises:
        InputError: missing, unreadable, not JSON, or not annotations that can be trained on.
    """
    return parse_annotations(read_bytes(path), str(path))


def read_bytes(path: Path) -> bytes:
    """The bytes of an annotation file.

    Raises:
        InputError: the file is missing or cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(
            f"cannot read the annotation file {path}: {error.strerror}. Check the path and its "
            f"permissions."
        ) from error


def parse_annotations(data: bytes, where: str, *, optional: Collection[str] = ()) -> CocoDocument:
    """The document in the bytes of a COCO annotation file.

    Args:
        data: of the file.
        where: names it in messages.
        optional: keys that entries may lack here, such as "images.file_name".

    Raises:
        InputError: not JSON, or not annotations that can be trained on.
    """
    try:
        with collector_paused():
            document = orjson.loads(data)
        check_document(document, where, optional=optional)
    except orjson.JSONDecodeError as error:
        _refuse_foreign(data, where, error)
        raise InputError(
            f"{where}: not valid JSON at line {error.lineno}, column {error.colno} (the file has "
            f"{len(data)} bytes): {error.msg}. {_advice(error.msg)}: fetch or export it again."
        ) from error
    except InputError as error:
        if not _is_of_instances(document):
            _refuse_foreign(data, where, error)
        raise
    return document  # type: ignore[no-any-return]


def _advice(message: str) -> str:
    """What may have happened to a file that is no JSON."""
    if "UTF-8" in message:
        return "It may have been saved in another encoding than UTF-8"
    if "after document" in message:
        return "Something follows the document, as where two files were joined"
    return "It may be cut short"


def _is_of_instances(document: Any) -> bool:
    """Whether a document is COCO's of instances, if with faults: these are then what is told."""
    if not isinstance(document, dict) or not all(isinstance(document.get(k), list) for k in FIELDS):
        return False
    first = next(iter(document["annotations"]), {"image_id": 0, "category_id": 0})
    return isinstance(first, dict) and {"image_id", "category_id"} <= first.keys()


def _refuse_foreign(data: bytes, where: str, error: Exception) -> None:
    foreign = describe_foreign(data, where)
    if foreign is not None:
        raise InputError(f"{where}: no COCO annotation file; {foreign}") from error


def check_document(document: Any, where: str, *, optional: Collection[str] = ()) -> None:
    """Check the fields, unique ids and names, and references of a COCO document.

    Args:
        document: as read.
        where: names it in messages.
        optional: keys that entries may lack, such as "images.file_name".

    Raises:
        InputError: what is wrong, the first of each kind with their number.
    """
    if not isinstance(document, dict):
        raise InputError(
            f"{where}: a COCO annotation file holds an object with images, annotations and "
            f"categories, this one holds {reprlib.repr(document)}."
        )
    absent = [key for key in FIELDS if not isinstance(document.get(key), list)]
    if absent:
        raise InputError(
            f"{where}: no list {', '.join(map(repr, absent))}. A COCO annotation file needs the "
            f"lists images, annotations and categories; is this the right file?"
        )
    with collector_paused():
        refuse_errors(list(entry_findings(document, optional)), f"{where}: cannot be used")
        refuse_errors(list(consistency_findings(document)), f"{where}: cannot be used")


def write_annotations(path: Path, document: CocoDocument) -> None:
    """Write a COCO file whole or not at all; equal documents give equal bytes.

    Raises:
        InputError: the folder cannot be written to.
    """
    write_atomically(path, encode_annotations(document))


def encode_annotations(document: Any, *, sort_keys: bool = False) -> bytes:
    """The bytes of a COCO file, or of a part: compact JSON, keys in their order, or sorted.

    Raises:
        InputError: a list in it is nested too deeply to be written.
    """
    try:
        return orjson.dumps(document, option=orjson.OPT_SORT_KEYS if sort_keys else None)
    except TypeError as error:  # orjson reads deeper nesting than it writes
        raise InputError(f"the annotations cannot be written as JSON: {error}.") from error


def is_written_alike(one: Any, other: Any) -> bool:
    """Whether two values are the same in a file, too; the order of keys does not count.

    20 and 20.0, 0.0 and -0.0, 0 and false are equal in Python, and other bytes in a file.
    """
    if one != other:
        return False
    return encode_annotations(one, sort_keys=True) == encode_annotations(other, sort_keys=True)


@contextmanager
def collector_paused() -> Iterator[None]:
    """Parsing COCO's training file makes millions of lists and no garbage: looking for it through
    them again and again takes as long as the parsing, or as what is done with them.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
