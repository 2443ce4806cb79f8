"""Entries of a COCO file that are not well-formed, ids that repeat, references to nothing."""

from collections import Counter
from collections.abc import Collection, Iterator
from typing import Any

from noisyseg.annotation_files.fields import FIELDS, all_fit, fault_of, is_integer
from noisyseg.annotation_files.findings import Finding, Level

_UNIQUE = (("images", "id"), ("annotations", "id"), ("categories", "id"), ("categories", "name"))
_REFERENCES = (("category", "categories", "category_id"), ("image", "images", "image_id"))


def entry_findings(document: dict[str, Any], optional: Collection[str] = ()) -> Iterator[Finding]:
    """What is wrong with entries by themselves.

    Args:
        document: with the three lists.
        optional: keys that entries may lack, such as "images.file_name".
    """
    for section, every in FIELDS.items():
        fields = [
            field._replace(required=field.required and f"{section}.{field.key}" not in optional)
            for field in every
        ]
        if all_fit(document[section], fields):
            continue
        for position, entry in enumerate(document[section]):
            fault = fault_of(entry, fields)
            if fault is not None:
                where = f"{section}[{position}]{_identity(entry)} {fault}"
                yield Finding(level=Level.ERROR, kind=f"unusable {section}", where=where)


def consistency_findings(document: dict[str, Any]) -> Iterator[Finding]:
    """What is wrong with well-formed entries beside each other."""
    for section, key in _UNIQUE:
        values = [entry[key] for entry in document[section] if key in entry]
        if len(set(values)) == len(values):
            continue
        for value, number in Counter(values).items():
            if number > 1:
                kind = f"several {section} have the same {key}"
                where = f"{value!r}, {number} times"
                yield Finding(level=Level.ERROR, kind=kind, where=where)
    for what, section, key in _REFERENCES:
        known = {entry["id"] for entry in document[section]}
        if {entry[key] for entry in document["annotations"]} <= known:
            continue
        for entry in document["annotations"]:
            if entry[key] not in known:
                kind = f"an annotation's {what} is not in the file"
                where = f"annotation {entry.get('id')}, {key} {entry[key]}"
                yield Finding(level=Level.ERROR, kind=kind, where=where)


def _identity(entry: Any) -> str:
    if not isinstance(entry, dict):
        return ""
    known = {key: entry.get(key) for key in ("id", "image_id")}
    named = [f"{key} {value}" for key, value in known.items() if is_integer(value)]
    return f" ({', '.join(named)})" if named else ""
