"""The command line: `noisyseg …`, or `python run_benchmark.py …` in a checkout."""

import argparse
import io
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TypeAlias

import noisyseg
from noisyseg.bench.cli.command_parser import CommandParser
from noisyseg.bench.cli.data.data_cli import add_data
from noisyseg.bench.cli.options import options_of
from noisyseg.bench.cli.parsers import Subparsers, add_group
from noisyseg.errors import InputError
from noisyseg.training_extra import is_missing

UNUSABLE_INPUT = 2
INTERRUPTED = 130

_DESCRIPTION = """Noisy-label benchmark suite and experiment runner for instance segmentation.
Without arguments: run the quick suite on the built-in data set and print its table."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command.

    Attributes:
        module: below `noisyseg.bench.cli`: has EXAMPLE, Options, add_arguments and run, and is
            imported only if its command is called.
        summary: one line, for lists of commands.
    """

    module: str
    summary: str


@dataclass(frozen=True, slots=True)
class Group:
    """A command that only has commands of its own."""

    summary: str
    example: str
    commands: "dict[str, Entry]"


Entry: TypeAlias = "Command | Group | Callable[[Subparsers], None]"  # an adder: not moved yet

COMMANDS: dict[str, Entry] = {
    "run": Command("run", "train what is missing of a suite and print its table"),
    "plan": Command(
        "plan", "list a suite's runs, their keys, which are done, and what the others cost"
    ),
    "table": Command("table", "print a suite's table, beside the paper's"),
    "match": Command("match", "hold every number of the paper against the measured interval"),
    "figures": Command(
        "figures",
        "draw a suite's results and what its class losses did with right and with wrong labels",
    ),
    "report": Command(
        "report", "write one HTML page: tables, figures, match with the paper, noise, records"
    ),
    "compare": Command(
        "compare", "compare and rank methods on the same images, by a paired bootstrap"
    ),
    "evaluate": Command("evaluate", "compute a run's numbers from its saved predictions once more"),
    "status": Command("status", "list the runs: done, failed, running, waiting"),
    "suite": Group(
        "shipped suites and suite files",
        "noisyseg suite list",
        {
            "list": Command("suite.listing", "list the shipped suites"),
            "show": Command("suite.show", "print a shipped suite's file"),
            "validate": Command(
                "suite.validate", "check a suite file and the annotation files that it names"
            ),
        },
    ),
    "methods": Group(
        "training methods",
        "noisyseg methods list",
        {
            "list": Command("methods.listing", "list the methods, built in and installed"),
            "show": Command("methods.show", "a method's parameters, their defaults and its paper"),
            "check": Command(
                "methods.check", "try a method on hard batches of RoIs and say what it breaks"
            ),
        },
    ),
    "data": add_data,
    "noise": Group(
        "make noisy annotation files, check and compare them",
        "noisyseg noise list",
        {
            "make": Command("noise.make", "write a noisy annotation file and its manifest"),
            "verify": Command(
                "noise.verify",
                "make the noise again and compare every byte; exit status 1 if anything differs",
            ),
            "apply": Command("noise.apply", "write the noisy file that a manifest is of"),
            "invert": Command(
                "noise.invert", "write the clean file that a noisy one was made from"
            ),
            "diff": Command(
                "noise.diff", "what differs between two annotation files of the same images"
            ),
            "report": Command(
                "noise.report",
                "write one self-contained HTML page on a noisy file, and its figures as PNG",
            ),
            "golden": Command(
                "noise.golden",
                "check that this machine makes the shipped golden noise, byte for byte",
            ),
            "list": Command(
                "noise.listing",
                "list the types of noise with parameters, presets and sources",
            ),
            "check": Command(
                "noise.check", "try a type of noise on a small document and say what it breaks"
            ),
        },
    ),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns 0 done, 1 some runs failed, 2 unusable input (nothing started)."""
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
    except BrokenPipeError:
        # The reader has seen enough (a pipe into head): nothing to say, and nowhere to say it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:  # a name too long, a disk that fails
        sys.stderr.write(f"error: {error.filename or 'a file'}: {error.strerror or error}\n")
        return UNUSABLE_INPUT
    except KeyboardInterrupt:
        sys.stderr.write("interrupted: finished runs are kept; the same command goes on\n")
        return INTERRUPTED


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


def _add(groups: Subparsers, name: str, entry: "Entry", named: Sequence[str] | None) -> None:
    """A command or a group of them; `named`: the words that may name it, None: all are wanted."""
    wanted = named is None or named[:1] == [name]
    if isinstance(entry, Group):
        actions = add_group(groups, name, entry.summary, example=entry.example)
        for below, command in entry.commands.items():
            _add(actions, below, command, None if named is None else named[1:] if wanted else [])
    elif isinstance(entry, Command):
        parser = groups.add_parser(name, help=entry.summary, description=entry.summary)
        if wanted:
            _complete(parser, entry)
    else:
        entry(groups)


def _complete(parser: argparse.ArgumentParser, entry: Command) -> None:
    module = import_module(f"noisyseg.bench.cli.{entry.module}")
    parser.epilog = f"example: {module.EXAMPLE}"
    module.add_arguments(parser)
    parser.set_defaults(command=lambda given: module.run(options_of(module.Options, given)))
