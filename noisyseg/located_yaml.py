"""YAML that remembers where each key stood, so that an error can name file and line."""

import re
import reprlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from noisyseg.errors import InputError, unknown_name

# Aliases multiply: nine lines of them can stand for a thousand million values.
_MAX_OF_ALIASES = 100_000

_MERGE = "tag:yaml.org,2002:merge"

# No path, name or JSON text can hold a NUL or half of a surrogate pair.
_UNUSABLE = re.compile("[\0\ud800-\udfff]")


class Located(dict[str, Any]):
    """A mapping read from a file, and the place of each of its keys.

    Attributes:
        file: that it was read from.
        places: key → (file, line); a mapping that extends another one has keys of two files.
    """

    file: Path
    places: dict[str, tuple[Path, int]]

    def __init__(
        self, values: Mapping[str, Any], *, file: Path, places: Mapping[str, tuple[Path, int]]
    ) -> None:
        super().__init__(values)
        self.file = file
        self.places = dict(places)

    def where(self, key: str | None = None) -> str:
        """Name file and line of a key; of the file's first key if it is absent or not given."""
        if key in self.places:
            file, line = self.places[key]
            return f"{file}, line {line}"
        first = min((line for file, line in self.places.values() if file == self.file), default=1)
        return f"{self.file}, line {first}"

    def with_values(self, values: Mapping[str, Any]) -> "Located":
        """Other values at the same places."""
        return Located(values, file=self.file, places=self.places)


class _Loader(yaml.SafeLoader):  # type: ignore[misc]  # yaml ships no annotations
    file: Path

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            value = super().construct_object(node, deep)
        except InputError:
            raise
        # What looks like a date or a number, or has a tag such as !!bool, but is none.
        except (AttributeError, LookupError, OverflowError, TypeError, ValueError) as error:
            raise InputError(f"{self._line(node)}: unusable value: {error}.") from error
        if isinstance(value, str) and _UNUSABLE.search(value):
            raise InputError(f"{self._line(node)}: text with an unusable character: {value!r}.")
        return value

    def _line(self, node: yaml.Node) -> str:
        return f"{self.file}, line {node.start_mark.line + 1}"

    def construct_located(self, node: yaml.MappingNode) -> Located:
        values: dict[str, Any] = {}
        places: dict[str, tuple[Path, int]] = {}
        own: set[str] = set()
        count = sum(key_node.tag != _MERGE for key_node, _ in node.value)
        self.flatten_mapping(
            node
        )  # what `<<` stands for comes first, its keys replaced by own ones
        for place, (key_node, value_node) in enumerate(node.value, start=count - len(node.value)):
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                raise InputError(
                    f"{self._line(key_node)}: a key must be text, got {key!r}. Quote it."
                )
            if key in own:
                raise InputError(f"{self._line(key_node)}: the key {key!r} stands here twice.")
            if place >= 0:
                own.add(key)
            values[key] = self.construct_object(value_node, deep=True)
            places[key] = self.file, key_node.start_mark.line + 1
        return Located(values, file=self.file, places=places)


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _Loader.construct_located)


def read_yaml(path: Path) -> Located:
    """The mapping in a YAML file, safely loaded.

    Raises:
        InputError: no such file, not YAML, not a mapping, or a key given twice.
    """
    document = read_yaml_value(path)
    if not isinstance(document, Located):
        got = reprlib.repr(document)
        raise InputError(f"{path}: wanted a mapping of keys to values, got {got}.")
    return document


def read_yaml_value(path: Path) -> Any:
    """Whatever a YAML file holds, safely loaded; its mappings are `Located`.

    Raises:
        InputError: no such file, not YAML, or a key given twice.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text.") from error
    return parse_yaml(text, str(path))


def parse_yaml(text: str, name: str) -> Any:
    """Whatever a YAML text holds, safely loaded; its mappings are `Located`.

    Args:
        text: YAML.
        name: of the file, or what to call the text in messages.

    Raises:
        InputError: not YAML, or a key given twice.
    """
    path = Path(name)
    try:
        loader = _Loader(text)
        loader.file = path
        node = loader.get_single_node()
        if node is None:
            return None
        known: dict[yaml.Node, int] = {}
        if _count_values(node, known, path) - len(known) > _MAX_OF_ALIASES:
            raise InputError(
                f"{path}: its aliases written out make more than {_MAX_OF_ALIASES} values."
            )
        return loader.construct_document(node)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        character = f"the character {chr(error.character)!r}"
        raise InputError(f"{path}, line {line}: not valid YAML: {character}.") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{path}, line {mark.line + 1}" if mark else str(path)
        raise InputError(f"{place}: not valid YAML: {error.problem or error.context}.") from error
    except RecursionError as error:
        raise InputError(f"{path}: nested too deeply.") from error


def _count_values(node: yaml.Node, known: dict[yaml.Node, int], path: Path) -> int:
    """The values in a node with every alias written out, counted without writing them out.

    Raises:
        InputError: a node that holds itself.
    """
    if node not in known:
        known[node] = 0
        children: list[yaml.Node] = []
        if isinstance(node, yaml.SequenceNode):
            children = node.value
        elif isinstance(node, yaml.MappingNode):
            children = [entry for pair in node.value for entry in pair]
        known[node] = 1 + sum(_count_values(child, known, path) for child in children)
    elif known[node] == 0:
        line = node.start_mark.line + 1
        raise InputError(
            f"{path}, line {line}: not valid YAML: a recursive value, which holds itself."
        )
    return known[node]


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
    check_present(mapping, what=what, keys=required)


def check_present(mapping: Located, *, what: str, keys: Iterable[str]) -> None:
    """Refuse the lack of a key.

    Raises:
        InputError: names the key and the mapping's place.
    """
    missing = [key for key in keys if key not in mapping]
    if missing:
        raise InputError(f"{mapping.where()}: {what} needs the key {missing[0]!r}.")


def located(value: Any, *, what: str, where: str) -> Located:
    """The same value, if it is a mapping.

    Raises:
        InputError: it is anything else.
    """
    if not isinstance(value, Located):
        got = reprlib.repr(value)
        raise InputError(f"{where}: {what} must be a mapping of keys to values, got {got}.")
    return value


def place_of(value: Any, otherwise: str, key: str | None = None) -> str:
    """File and line of a mapping's key; what is said otherwise of what was not read from a file."""
    return value.where(key) if isinstance(value, Located) else otherwise


def plain(value: Any) -> Any:
    """The value without the places: dictionaries, lists and scalars only."""
    if isinstance(value, Mapping):
        return {key: plain(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [plain(entry) for entry in value]
    return value
