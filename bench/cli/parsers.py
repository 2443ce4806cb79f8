"""Parts that the parsers of all commands are built from."""

import argparse
from collections.abc import Callable
from importlib import import_module
from typing import TypeAlias

Subparsers: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def add_group(groups: Subparsers, name: str, summary: str, *, example: str) -> Subparsers:
    """A command that only has commands of its own."""
    parser = groups.add_parser(
        name, help=summary, description=summary, epilog=f"example: {example}"
    )
    return parser.add_subparsers(title="commands", metavar="COMMAND", required=True)


def add_command(
    groups: Subparsers,
    name: str,
    function: Callable[[argparse.Namespace], int],
    summary: str,
    *,
    example: str,
) -> argparse.ArgumentParser:
    """A command; its help ends with the example."""
    parser = groups.add_parser(
        name, help=summary, description=summary, epilog=f"example: {example}"
    )
    parser.set_defaults(command=function)
    return parser


def add_json(parser: argparse.ArgumentParser) -> None:
    """The option that listing commands have."""
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def whole(text: str) -> int:
    """A number of at least 0."""
    if not text.strip().isdecimal():
        raise argparse.ArgumentTypeError(f"wanted a whole number of at least 0, got {text!r}")
    return int(text)


def positive(text: str) -> int:
    """A number of at least 1."""
    value = whole(text)
    if value < 1:
        raise argparse.ArgumentTypeError("wanted at least 1, got 0")
    return value


def lazy_command(name: str, module: str = "commands") -> Callable[[argparse.Namespace], int]:
    """A command's function; its module imports torch and pandas, which others do without."""

    def call(arguments: argparse.Namespace) -> int:
        function: Callable[[argparse.Namespace], int]
        function = getattr(import_module(f"noisyseg.bench.cli.{module}"), name)
        return function(arguments)

    return call
