"""The command line: `noisyseg …`, or `python run_benchmark.py …` in a checkout."""

import argparse
import io
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import TypeAlias

import noisyseg
from noisyseg.bench.cli.command_parser import CommandParser
from noisyseg.bench.cli.commands import COMMANDS, Command, Entry, Group
from noisyseg.bench.cli.options import options_of
from noisyseg.bench.cli.output import UNUSABLE_INPUT
from noisyseg.errors import InputError
from noisyseg.opencv_build import wants_window_system, what_to_do
from noisyseg.training_extra import is_missing

Subparsers: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"

INTERRUPTED = 130
# By the exception's name: commands that start fast do not import what raises it.
STOPS = {"TerminatedError": ("terminated", 143)}

_DESCRIPTION = """Noisy-label benchmark suite and experiment runner for instance segmentation.
Without arguments: run the quick suite on the built-in data set and print its table."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns 0 done, 1 some runs failed, 2 unusable input (nothing started)."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by who called
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 (for good)
    for stream in (sys.stdout, sys.stderr):
        # A name that the terminal's encoding lacks is no reason to stop.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    given = list(sys.argv[1:] if argv is None else argv)
    given = given or ["run", "quick"]
    try:
        arguments = build_parser(given).parse_args(given)
        command: Callable[[argparse.Namespace], int] = arguments.command
        status = command(arguments)
        sys.stdout.flush()
        return status
    except InputError as error:
        sys.stderr.write(f"error: {error}\n")
        return UNUSABLE_INPUT
    except ModuleNotFoundError as error:
        if not is_missing(error):
            raise
        sys.stderr.write(
            f"error: `{_called(given)}` needs {error.name}, which is not installed: "
            "pip install 'noisyseg[train]'\n"
        )
        return UNUSABLE_INPUT
    except ImportError as error:
        if not wants_window_system(error):
            raise
        sys.stderr.write(f"error: {what_to_do(error)}\n")
        return UNUSABLE_INPUT
    except BrokenPipeError:
        # The reader has seen enough (a pipe into head): nothing to say, and nowhere to say it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:  # a name too long, a disk that fails
        sys.stderr.write(f"error: {error.filename or 'a file'}: {error.strerror or error}\n")
        return UNUSABLE_INPUT
    except KeyboardInterrupt as stop:
        word, status = STOPS.get(type(stop).__name__, ("interrupted", INTERRUPTED))
        sys.stderr.write(f"{word}: finished runs are kept; the same command goes on\n")
        return status


def _called(words: Sequence[str]) -> str:
    """The command that the words name, as it is called."""
    known: Mapping[str, Entry] = COMMANDS
    called = ["noisyseg"]
    for word in words:
        entry = known.get(word)
        if entry is not None:
            called.append(word)
            known = entry.commands if isinstance(entry, Group) else {}
    return " ".join(called)


def build_parser(words: Sequence[str] | None = None) -> argparse.ArgumentParser:
    """The parser of every command.

    Args:
        words: what was given; only the command that they name is imported and has its
            arguments then. None: all of them.
    """
    parser: argparse.ArgumentParser = CommandParser(
        prog="noisyseg", description=_DESCRIPTION, epilog="example: noisyseg run quick"
    )
    parser.add_argument("--version", action="version", version=f"noisyseg {noisyseg.__version__}")
    groups = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    named = None if words is None else [word for word in words if not word.startswith("-")]
    for name, entry in COMMANDS.items():
        _add(groups, name, entry, named)
    return parser


def _add(groups: Subparsers, name: str, entry: Entry, named: Sequence[str] | None) -> None:
    """A command or a group of them; `named`: the words that may name it, None: all are wanted."""
    wanted = named is None or named[:1] == [name]
    parser = groups.add_parser(name, help=entry.summary, description=entry.summary)
    if isinstance(entry, Group):
        parser.epilog = f"example: {entry.example}"
        actions = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
        for below, command in entry.commands.items():
            _add(actions, below, command, None if named is None else named[1:] if wanted else [])
    elif wanted:
        _complete(parser, entry)


def _complete(parser: argparse.ArgumentParser, entry: Command) -> None:
    module = import_module(f"noisyseg.bench.cli.{entry.module}")
    parser.epilog = f"example: {module.EXAMPLE}"
    module.add_arguments(parser)
    parser.set_defaults(command=lambda given: module.run(options_of(module.Options, given)))
