"""COCO annotation files: read with every check that training relies on, written whole."""

import gc
import math
import reprlib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from noisyseg.errors import InputError
from noisyseg.files import write_atomically
from noisyseg.foreign_files import describe_foreign

CocoDocument = dict[str, Any]
"""A COCO file as read: lists `images`, `annotations`, `categories`, and whatever else it holds."""

_SHOWN = 5


class _Field(NamedTuple):
    """A key of an entry.

    Attributes:
        fits: whether a value will do.
        all_fit: whether a whole column does, found in a fraction of the time; False may be wrong.
    """

    key: str
    fits: Callable[[Any], bool]
    all_fit: Callable[[Sequence[Any]], bool]
    wanted: str
    required: bool = True


def _is_integer(value: Any) -> bool:
    return type(value) is int  # bool is a subclass of int, but no id


def _are_integers(values: Sequence[Any]) -> bool:
    return set(map(type, values)) <= {int}


def _is_size(value: Any) -> bool:
    return type(value) is int and value > 0


def _are_sizes(values: Sequence[Any]) -> bool:
    return _are_integers(values) and min(values, default=1) > 0


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and value != ""


def _are_texts(values: Sequence[Any]) -> bool:
    return set(map(type, values)) <= {str} and all(values)


def _is_flag(value: Any) -> bool:
    return value in (0, 1)


def _are_flags(values: Sequence[Any]) -> bool:
    return set(map(type, values)) <= {int, bool} and set(values) <= {0, 1}


def _is_box(value: Any) -> bool:
    if not isinstance(value, list) or len(value) != 4:
        return False
    return all(type(number) in (int, float) and math.isfinite(number) for number in value)


def _are_boxes(values: Sequence[Any]) -> bool:
    if not set(map(type, values)) <= {list} or not set(map(len, values)) <= {4}:
        return False
    kinds = set(map(type, chain.from_iterable(values)))
    return kinds <= {int, float} and all(map(math.isfinite, chain.from_iterable(values)))


_ID = _Field("id", _is_integer, _are_integers, "an integer")
_FIELDS: dict[str, tuple[_Field, ...]] = {
    "images": (
        _ID,
        _Field("file_name", _is_text, _are_texts, "non-empty text"),
        _Field("width", _is_size, _are_sizes, "an integer above 0"),
        _Field("height", _is_size, _are_sizes, "an integer above 0"),
    ),
    "annotations": (
        _ID,
        _Field("image_id", _is_integer, _are_integers, "an integer"),
        _Field("category_id", _is_integer, _are_integers, "an integer"),
        _Field("bbox", _is_box, _are_boxes, "a list of four finite numbers"),
        _Field("iscrowd", _is_flag, _are_flags, "0 or 1", required=False),
    ),
    "categories": (_ID, _Field("name", _is_text, _are_texts, "non-empty text")),
}


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
            f"{len(data)} bytes): {error.msg}. It may be cut short: fetch or export it again."
        ) from error
    except InputError as error:
        _refuse_foreign(data, where, error)
        raise
    return document  # type: ignore[no-any-return]


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
        InputError: what is wrong, up to five examples of each kind with their number.
    """
    if not isinstance(document, dict):
        raise InputError(
            f"{where}: a COCO annotation file holds an object with images, annotations and "
            f"categories, this one holds {reprlib.repr(document)}."
        )
    absent = [key for key in _FIELDS if not isinstance(document.get(key), list)]
    if absent:
        raise InputError(
            f"{where}: no list {', '.join(map(repr, absent))}. A COCO annotation file needs the "
            f"lists images, annotations and categories; is this the right file?"
        )
    with collector_paused():
        _raise_if_any(_malformed(document, optional), where)
        _raise_if_any(_inconsistent(document), where)


def entry_fault(section: str, entry: Any) -> str | None:
    """What is wrong with one entry of images, annotations or categories by itself, if anything."""
    return _fault(entry, _FIELDS[section])


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


def _malformed(document: CocoDocument, optional: Collection[str]) -> list[str]:
    problems = []
    for section, every in _FIELDS.items():
        fields = [
            field._replace(required=field.required and f"{section}.{field.key}" not in optional)
            for field in every
        ]
        if _all_fit(document[section], fields):
            continue
        faults = (
            f"{section}[{position}]{_identity(entry)} {fault}"
            for position, entry in enumerate(document[section])
            if (fault := _fault(entry, fields))
        )
        problems += _summary(f"unusable {section}", faults)
    return problems


def _all_fit(entries: Sequence[Any], fields: Sequence[_Field]) -> bool:
    """Whether no entry has a fault; False says that they must be looked at one by one."""
    if not set(map(type, entries)) <= {dict}:
        return False
    for key, _, all_fit, _, required in fields:
        try:
            values = [e[key] for e in entries if required or key in e]
            if not all_fit(values):
                return False
        except (KeyError, TypeError):
            return False
    return True


def _fault(entry: Any, fields: Sequence[_Field]) -> str | None:
    if not isinstance(entry, dict):
        return f"is not an object but {reprlib.repr(entry)}"
    for key, fits, _, wanted, required in fields:
        if key not in entry:
            if key == "file_name" and _is_text(entry.get("coco_url")):
                continue  # LVIS names its images by COCO's address alone
            if required:
                return f"has no {key!r}"
        elif not fits(entry[key]):
            return f"has {key} {reprlib.repr(entry[key])}, wanted {wanted}"
    return None


def _identity(entry: Any) -> str:
    if not isinstance(entry, dict):
        return ""
    known = {key: entry.get(key) for key in ("id", "image_id")}
    named = [f"{key} {value}" for key, value in known.items() if _is_integer(value)]
    return f" ({', '.join(named)})" if named else ""


def _inconsistent(document: CocoDocument) -> list[str]:
    problems = []
    for section, key in (
        ("images", "id"),
        ("annotations", "id"),
        ("categories", "id"),
        ("categories", "name"),
    ):
        problems += _summary(f"repeated {section} {key}s", _repeated(document[section], key))
    for section, key in (("images", "image_id"), ("categories", "category_id")):
        known = {entry["id"] for entry in document[section]}
        named = {entry[key] for entry in document["annotations"]}
        unknown = (
            f"annotation {entry.get('id')} has {key} {entry[key]}"
            for entry in (document["annotations"] if named - known else ())
            if entry[key] not in known
        )
        problems += _summary(f"annotations whose {key} is not in {section}", unknown)
    return problems


def _repeated(entries: list[dict[str, Any]], key: str) -> Iterable[str]:
    values = [entry[key] for entry in entries if key in entry]
    if len(set(values)) == len(values):
        return []
    return [f"{value!r} ({n} times)" for value, n in Counter(values).items() if n > 1]


def _summary(kind: str, items: Iterable[str]) -> list[str]:
    found = list(items)
    if not found:
        return []
    more = f"; and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return [f"{len(found)} {kind}: {'; '.join(found[:_SHOWN])}{more}"]


def _raise_if_any(problems: list[str], where: str) -> None:
    if problems:
        raise InputError(
            f"{where}: cannot be used; mend these entries or export the file again.\n  "
            + "\n  ".join(problems)
        )
