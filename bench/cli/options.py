"""From what the parser read to a command's own typed options, once."""

import argparse
import dataclasses
import typing
from typing import Any, TypeVar

Options = TypeVar("Options")


def options_of(kind: type[Options], arguments: argparse.Namespace) -> Options:
    """The options of that kind: each field is the argument of that name.

    Args:
        kind: a dataclass; a field that is one, too, gathers arguments that commands share.

    Raises:
        AttributeError: the command's parser has no such argument.
    """
    types = typing.get_type_hints(kind)
    values: dict[str, Any] = {}
    for field in dataclasses.fields(kind):  # type: ignore[arg-type]
        declared = types[field.name]
        if dataclasses.is_dataclass(declared):
            values[field.name] = options_of(typing.cast(type[Any], declared), arguments)
        else:
            values[field.name] = getattr(arguments, field.name)
    return kind(**values)
