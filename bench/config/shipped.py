"""The YAML files that come with noisyseg, and mappings that extend one of them."""

from pathlib import Path
from typing import Any

from noisyseg.checked_values import flag
from noisyseg.errors import InputError, unknown_name
from noisyseg.located_yaml import Located, read_yaml

FOLDERS = {kind: Path(__file__).parent / f"{kind}s" for kind in ("suite", "model", "protocol")}


def shipped_names(kind: str) -> list[str]:
    """Names of the shipped suites, models or protocols."""
    return sorted(path.stem for path in FOLDERS[kind].glob("*.yaml"))


def shipped_path(kind: str, name: str, *, where: str = "") -> Path:
    """The file of a shipped suite, model or protocol.

    Raises:
        InputError: no such name; the nearest one is suggested.
    """
    if name not in shipped_names(kind):
        raise unknown_name(kind, name, shipped_names(kind), where)
    return FOLDERS[kind] / f"{name}.yaml"


def is_file(source: str) -> bool:
    """Whether it is a YAML file that is meant, and no shipped name."""
    return source.endswith((".yaml", ".yml"))


def read_suite(source: str) -> Located:
    """What a suite's file says, unchecked.

    Args:
        source: a shipped suite's name, or the path of a file ending in .yaml or .yml.

    Raises:
        InputError: no such suite, or a file that is no YAML mapping.
    """
    return read_yaml(Path(source) if is_file(source) else shipped_path("suite", source))


def read_with_base(kind: str, source: str | Located, *, where: str) -> Located:
    """A shipped file, or a mapping laid over the shipped one that its `extends` names.

    Raises:
        InputError: an unknown name, or a source that is neither a name nor a mapping.
    """
    if isinstance(source, str):
        document = read_yaml(shipped_path(kind, source, where=where))
    elif isinstance(source, Located):
        document = source
    else:
        raise InputError(f"{where}: wanted the name of a {kind} or a mapping, got {source!r}.")
    base = _empty(document)
    if "extends" in document:
        base = read_with_base(kind, document["extends"], where=document.where("extends"))
    return _merge(base, _without(document, "extends"))


def _merge(base: Located, over: Located) -> Located:
    """The values of over in those of base, mappings merged key by key; each keeps its place.

    A mapping with `_replace: true` takes base's place whole: another type of part shares no keys.
    """
    if "_replace" in over and flag(over, "_replace"):
        base = _empty(over)
    over = _without(over, "_replace")
    values: dict[str, Any] = dict(base)
    for key, value in over.items():
        below = base.get(key)
        if isinstance(value, Located):
            value = _merge(below if isinstance(below, Located) else _empty(value), value)
        values[key] = value
    return Located(values, file=over.file, places={**base.places, **over.places})


def _empty(mapping: Located) -> Located:
    return Located({}, file=mapping.file, places={})


def _without(mapping: Located, key: str) -> Located:
    values = {name: value for name, value in mapping.items() if name != key}
    return Located(values, file=mapping.file, places=mapping.places)
