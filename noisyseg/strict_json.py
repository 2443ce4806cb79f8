"""JSON of strangers: one meaning, whoever reads it, and no more of it than was agreed on."""

import json
import reprlib
from collections import Counter
from typing import Any

import orjson

from noisyseg.errors import InputError

DEEPEST = 64
LONGEST_KEY = 500


def parse_strict_json(data: bytes, name: str, *, most: int) -> Any:
    """The value of a JSON text in UTF-8.

    Args:
        data: the text.
        name: what to call it in messages.
        most: bytes that it may have.

    Raises:
        InputError: longer than that; no JSON, which NaN, infinity, half a surrogate pair and a
            byte-order mark are not; a key that is given twice or is overlong; nested too deeply.
    """
    if len(data) > most:
        raise InputError(f"{name}: wanted at most {most} bytes of JSON, got {len(data)}.")
    try:
        orjson.loads(data)  # stricter than json, which in its turn sees the keys given twice
        value = json.loads(data, object_pairs_hook=_with_keys_once)
    except InputError as error:
        raise InputError(f"{name}: {error}") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{name}: not valid JSON: {error}.") from error
    _check_depth(value, name)
    return value


def _with_keys_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    entries = dict(pairs)
    if len(entries) < len(pairs):
        counts = Counter(key for key, _ in pairs)
        twice = next(key for key, count in counts.items() if count > 1)
        raise InputError(f"the key {reprlib.repr(twice)} stands twice in an object.")
    for key in entries:
        if len(key) > LONGEST_KEY:
            raise InputError(f"a key of {len(key)} characters; at most {LONGEST_KEY} are read.")
    return entries


def _check_depth(value: Any, name: str) -> None:
    layer = [value]
    for _ in range(DEEPEST + 1):
        containers = [entry for entry in layer if isinstance(entry, dict | list)]
        if not containers:
            return
        layer = [
            entry
            for container in containers
            for entry in (container.values() if isinstance(container, dict) else container)
        ]
    raise InputError(f"{name}: nested more than {DEEPEST} deep.")
