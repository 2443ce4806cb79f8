"""Values out of a YAML mapping, each refused with its place unless it fits.

A mapping is declared once, as a `TypedDict` whose annotations hold the checks of its values:

    class Image(TypedDict):
        flip: Annotated[float, partial(number, most=1.0)]

    image = checked(raw, Image, what="image")
"""

import math
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast, get_type_hints

from noisyseg.errors import InputError
from noisyseg.located_yaml import Located, check_keys, located

Document = TypeVar("Document")
Check = Callable[[Located, str], Any]


def checked(
    raw: Located, kind: type[Document], *, what: str, defaults: Mapping[str, Any] | None = None
) -> Document:
    """The mapping's values as its declaration has them, in its order.

    Args:
        raw: read from a file.
        kind: a TypedDict; each key's type is Annotated with its check.
        what: the mapping is, for messages.
        defaults: values of the keys that may be left out.

    Raises:
        InputError: an unknown key, one that is missing, or an unfit value, with its place.
    """
    defaults = defaults or {}
    checks = get_type_hints(kind, include_extras=True)
    required = [key for key in checks if key not in defaults]
    check_keys(raw, what=what, required=required, optional=defaults)
    values = {
        key: hint.__metadata__[0](raw, key) if key in raw else defaults[key]
        for key, hint in checks.items()
    }
    return cast(Document, values)


def anything(raw: Located, key: str) -> Any:
    """The entry as it stands, for its reader to judge."""
    return raw[key]


def section(raw: Located, key: str) -> Located:
    """The entry as a mapping."""
    return located(raw[key], what=key, where=raw.where(key))


def part(kind: type[Any]) -> Check:
    """The check of an entry that is itself declared."""
    return lambda raw, key: checked(section(raw, key), kind, what=key)


def or_null(check: Check) -> Check:
    """A check that lets null pass."""
    return lambda raw, key: None if raw[key] is None else check(raw, key)


def flag(mapping: Located, key: str) -> bool:
    """The entry as true or false."""
    value = mapping[key]
    if not isinstance(value, bool):
        raise InputError(f"{mapping.where(key)}: {key} must be true or false, got {value!r}.")
    return value


def integer(mapping: Located, key: str, *, least: int, most: int = 2**63 - 1) -> int:
    """The entry as an integer in [least, most]."""
    value = mapping[key]
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        limits = f"of at least {least}" if most == 2**63 - 1 else f"from {least} to {most}"
        raise InputError(f"{mapping.where(key)}: {key} must be an integer {limits}, got {value!r}.")
    return value


def number(mapping: Located, key: str, *, least: float = 0.0, most: float = math.inf) -> float:
    """The entry as a float in [least, most]; NaN and infinity never fit."""
    value = mapping[key]
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    found = _float(value) if is_number else math.nan
    if not math.isfinite(found) or not least <= found <= most:
        limits = f"of at least {least:g}" if most == math.inf else f"from {least:g} to {most:g}"
        meant = isinstance(value, str) and math.isfinite(_float(value))
        hint = " (YAML reads 1e-4 as text: write 1.0e-4)" if meant else ""
        raise InputError(
            f"{mapping.where(key)}: {key} must be a number {limits}, got {value!r}{hint}."
        )
    return found + 0.0  # -0.0 would be another run key


def _float(value: float | str) -> float:
    try:
        return float(value)
    except (ValueError, OverflowError):  # no number, or an integer beyond float's range
        return math.nan


def text(mapping: Located, key: str) -> str:
    """The entry as a text that is not empty."""
    value = mapping[key]
    if not isinstance(value, str) or not value.strip():
        raise InputError(f"{mapping.where(key)}: {key} must be a text, got {value!r}.")
    return value


def file_name(mapping: Located, key: str) -> str:
    """The entry as a text that can name a file or a folder on any system."""
    value = text(mapping, key)
    # A leading point would hide the folder, or leave it (`..`).
    fits = len(value) <= 100 and value == value.strip() and not value.startswith(".")
    if not fits or any(c in "/\\" or not c.isprintable() for c in value):
        raise InputError(
            f"{mapping.where(key)}: {key} names a file or a folder: wanted at most 100 visible "
            f"characters without / and \\, not starting with a point, got {value!r}."
        )
    return value


def list_of(mapping: Located, key: str, kind: type, *, kind_name: str, least: int = 0) -> list[Any]:
    """The entry as a list of at least `least` entries of one type, none of them twice."""
    value = mapping[key]
    fits = isinstance(value, list) and all(
        isinstance(entry, kind) and not isinstance(entry, bool) for entry in value
    )
    if not fits or len(value) < least:
        amount = f" with at least {least} entry" if least else ""
        raise InputError(
            f"{mapping.where(key)}: {key} must be a list of {kind_name}{amount}, got {value!r}."
        )
    repeated = sorted({str(entry) for entry in value if value.count(entry) > 1})
    if repeated:
        raise InputError(f"{mapping.where(key)}: {key} names {', '.join(repeated)} more than once.")
    return list(value)
