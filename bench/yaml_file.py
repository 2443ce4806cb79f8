"""YAML that remembers where each key stood, so that an error can name file and line."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from noisyseg.errors import InputError, unknown_name


class Located(dict[str, Any]):
    """A mapping read from a file, and the line of each of its keys."""

    def __init__(self, values: Mapping[str, Any], *, file: Path, lines: Mapping[str, int]) -> None:
        super().__init__(values)
        self.file = file
        self.lines = dict(lines)

    def where(self, key: str | None = None) -> str:
        """"file, line n" of a key, or of the first key."""
        line = self.lines.get(key) if key is not None else None
        if line is None:
            line = min(self.lines.values(), default=1)
        return f"{self.file}, line {line}"


class _Loader(yaml.SafeLoader):
    file: Path

    def construct_located(self, node: yaml.MappingNode) -> Located:
        values: dict[str, Any] = {}
        lines: dict[str, int] = {}
        for key_node, value_node in node.value:
            key = self.construct_object(key_node, deep=True)
            line = key_node.start_mark.line + 1
            if not isinstance(key, str):
                raise InputError(
                    f"{self.file}, line {line}: a key must be text, got {key!r}. Quote it."
                )
            if key in values:
                raise InputError(f"{self.file}, line {line}: the key {key!r} stands here twice.")
            values[key] = self.construct_object(value_node, deep=True)
            lines[key] = line
        return Located(values, file=self.file, lines=lines)


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _Loader.construct_located)


def read_yaml(path: Path) -> Located:
    """The mapping in a YAML file, safely loaded.

    Raises:
        InputError: no such file, not YAML, not a mapping, or a key given twice.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text.") from error
    loader = _Loader(text)
    loader.file = path
    try:
        document = loader.get_single_data()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or error
        raise InputError(f"{path}{line}: not valid YAML: {problem}.") from error
    finally:
        loader.dispose()
    if not isinstance(document, Located):
        raise InputError(f"{path}: wanted a mapping of keys to values, got {document!r}.")
    return document


def check_keys(
    mapping: Located, *, what: str, required: Iterable[str] = (), optional: Iterable[str] = ()
) -> None:
    """Refuse a key that is not known and the lack of one that is required.

    Raises:
        InputError: names the key, its line and the nearest known one.
    """
    required = list(required)
    known = [*required, *optional]
    for key in mapping:
        if key not in known:
            raise unknown_name(f"key of {what}", key, known, mapping.where(key))
    missing = [key for key in required if key not in mapping]
    if missing:
        raise InputError(f"{mapping.where()}: {what} needs the key {missing[0]!r}.")


def located(value: Any, *, what: str, where: str) -> Located:
    """value, if it is a mapping.

    Raises:
        InputError: it is anything else.
    """
    if not isinstance(value, Located):
        raise InputError(f"{where}: {what} must be a mapping of keys to values, got {value!r}.")
    return value


def plain(value: Any) -> Any:
    """value without the places: dictionaries, lists and scalars only."""
    if isinstance(value, Mapping):
        return {key: plain(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [plain(entry) for entry in value]
    return value
