"""YAML of a user's own, without the two traps of PyYAML: repeated keys and unusable values."""

from typing import Any

import yaml

from noisyseg.errors import InputError


def parse_yaml(text: str, what: str) -> Any:
    """The data in a YAML text; `what` names it in messages.

    Raises:
        InputError: not YAML, or a mapping with a key twice, of which PyYAML keeps the last and says
            nothing.
    """
    try:
        _check_repeated_keys(yaml.compose(text, Loader=yaml.SafeLoader), what, set())
        return yaml.safe_load(text)
    except InputError:
        raise
    # ValueError: what looks like a date but is none. RecursionError: a thousand brackets. The
    # others: a tag such as !!bool before a text that is none.
    except (
        *(yaml.YAMLError, ValueError, RecursionError),
        *(AttributeError, LookupError, OverflowError, TypeError),
    ) as error:
        reason = " ".join(str(error).split())[:300]
        raise InputError(f"{what} is not valid YAML: {reason}") from error


def _check_repeated_keys(node: Any, what: str, visited: set[int]) -> None:
    if id(node) in visited or not isinstance(node, yaml.CollectionNode):
        return
    visited.add(id(node))  # aliases: a node stands in many places, and may stand in itself
    if isinstance(node, yaml.SequenceNode):
        for value in node.value:
            _check_repeated_keys(value, what, visited)
        return
    seen: set[str] = set()
    for key, value in node.value:
        if isinstance(key, yaml.ScalarNode):
            if key.value in seen:
                line = key.start_mark.line + 1
                raise InputError(f"{what} has {key.value!r} twice, again in line {line}.")
            seen.add(key.value)
        _check_repeated_keys(value, what, visited)
