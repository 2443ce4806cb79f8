"""The fields of a COCO file's entries that noise, training or evaluation rely on."""

import math
import reprlib
from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any, NamedTuple


class Field(NamedTuple):
    """A key of an entry.

    Attributes:
        fits: whether a value will do.
        column_fits: whether all values of a key do, found in a fraction of the time; False may be
            wrong.
    """

    key: str
    fits: Callable[[Any], bool]
    column_fits: Callable[[Sequence[Any]], bool]
    wanted: str
    required: bool = True


def is_integer(value: Any) -> bool:
    """Whether a value can be an id."""
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


_ID = Field("id", is_integer, _are_integers, "an integer")
FIELDS: dict[str, tuple[Field, ...]] = {
    "images": (
        _ID,
        Field("file_name", _is_text, _are_texts, "non-empty text"),
        Field("width", _is_size, _are_sizes, "an integer above 0"),
        Field("height", _is_size, _are_sizes, "an integer above 0"),
    ),
    "annotations": (
        _ID,
        Field("image_id", is_integer, _are_integers, "an integer"),
        Field("category_id", is_integer, _are_integers, "an integer"),
        Field("bbox", _is_box, _are_boxes, "a list of four finite numbers"),
        Field("iscrowd", _is_flag, _are_flags, "0 or 1", required=False),
    ),
    "categories": (_ID, Field("name", _is_text, _are_texts, "non-empty text")),
}


def entry_fault(section: str, entry: Any) -> str | None:
    """What is wrong with one entry of images, annotations or categories by itself, if anything."""
    return fault_of(entry, FIELDS[section])


def all_fit(entries: Sequence[Any], fields: Sequence[Field]) -> bool:
    """Whether no entry has a fault; False says that they must be looked at one by one."""
    if not set(map(type, entries)) <= {dict}:
        return False
    for key, _, column_fits, _, required in fields:
        try:
            values = [e[key] for e in entries if required or key in e]
            if not column_fits(values):
                return False
        except (KeyError, TypeError):
            return False
    return True


def fault_of(entry: Any, fields: Sequence[Field]) -> str | None:
    """What is wrong with an entry by itself, if anything."""
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
