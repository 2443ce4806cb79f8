"""Single values out of a YAML mapping, each refused with its place unless it fits."""

import math
from typing import Any

from noisyseg.bench.yaml_file import Located
from noisyseg.errors import InputError


def integer(mapping: Located, key: str, *, least: int, most: int = 2**63 - 1) -> int:
    """mapping[key], an integer in [least, most]."""
    value = mapping[key]
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        limits = f"of at least {least}" if most == 2**63 - 1 else f"from {least} to {most}"
        raise InputError(f"{mapping.where(key)}: {key} must be an integer {limits}, got {value!r}.")
    return value


def number(mapping: Located, key: str, *, least: float = 0.0, most: float = math.inf) -> float:
    """mapping[key] as a float in [least, most]; NaN and infinity never fit."""
    value = mapping[key]
    fits = isinstance(value, int | float) and not isinstance(value, bool)
    if not fits or not math.isfinite(value) or not least <= value <= most:
        limits = f"of at least {least:g}" if most == math.inf else f"from {least:g} to {most:g}"
        hint = " (YAML reads 1e-4 as text: write 1.0e-4)" if isinstance(value, str) else ""
        raise InputError(
            f"{mapping.where(key)}: {key} must be a number {limits}, got {value!r}{hint}."
        )
    return float(value)


def text(mapping: Located, key: str) -> str:
    """mapping[key], a text that is not empty."""
    value = mapping[key]
    if not isinstance(value, str) or not value.strip():
        raise InputError(f"{mapping.where(key)}: {key} must be a text, got {value!r}.")
    return value


def list_of(mapping: Located, key: str, kind: type, *, kind_name: str, least: int = 0) -> list[Any]:
    """mapping[key], a list of at least `least` entries of one type, none of them twice."""
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
