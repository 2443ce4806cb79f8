"""The command line: `noisyseg …`, or `python run_benchmark.py …` in a checkout."""

import argparse
import io
import os
import sys
from collections.abc import Callable, Sequence

import noisyseg
from noisyseg.bench.cli.command_parser import CommandParser
from noisyseg.bench.cli.data.data_cli import add_data
from noisyseg.bench.cli.noise.noise_cli import add_noise
from noisyseg.bench.cli.parsers import (
    Subparsers,
    add_command,
    add_group,
    add_json,
    lazy_command,
)
from noisyseg.bench.cli.suite_cli import add_data_choice, add_method_files, add_out, add_runs
from noisyseg.errors import InputError

UNUSABLE_INPUT = 2
INTERRUPTED = 130

_DESCRIPTION = """Noisy-label benchmark suite and experiment runner for instance segmentation.
Without arguments: run the quick suite on the built-in data set and print its table."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns 0 done, 1 some runs failed, 2 unusable input (nothing started)."""
    for stream in (sys.stdout, sys.stderr):
        # A name that the terminal's encoding lacks is no reason to stop.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    given = list(sys.argv[1:] if argv is None else argv)
    arguments = build_parser().parse_args(given or ["run", "quick"])
    command: Callable[[argparse.Namespace], int] = arguments.command
    try:
        status = command(arguments)
        sys.stdout.flush()
        return status
    except InputError as error:
        sys.stderr.write(f"error: {error}\n")
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


def build_parser() -> argparse.ArgumentParser:
    """The parser of every command."""
    parser: argparse.ArgumentParser = CommandParser(
        prog="noisyseg", description=_DESCRIPTION, epilog="example: noisyseg run quick"
    )
    parser.add_argument("--version", action="version", version=f"noisyseg {noisyseg.__version__}")
    groups = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    add_runs(groups)
    _add_status(groups)
    _add_suite(groups)
    _add_methods(groups)
    add_data(groups)
    add_noise(groups)
    return parser


def _add_status(groups: Subparsers) -> None:
    parser = add_command(
        groups,
        "status",
        lazy_command("status"),
        "list the runs: done, failed, running, waiting",
        example="noisyseg status --out runs --json",
    )
    add_out(parser)
    add_json(parser)


def _add_suite(groups: Subparsers) -> None:
    actions = add_group(
        groups, "suite", "shipped suites and suite files", example="noisyseg suite list"
    )
    listing = add_command(
        actions,
        "list",
        lazy_command("suite_list", "listing_commands"),
        "list the shipped suites",
        example="noisyseg suite list",
    )
    add_json(listing)
    show = add_command(
        actions,
        "show",
        lazy_command("suite_show", "listing_commands"),
        "print a shipped suite's file",
        example="noisyseg suite show quick",
    )
    show.add_argument("suite", metavar="NAME")
    validate = add_command(
        actions,
        "validate",
        lazy_command("suite_validate", "listing_commands"),
        "check a suite file and the annotation files that it names",
        example="noisyseg suite validate my_suite.yaml",
    )
    validate.add_argument("suite", metavar="FILE")
    add_data_choice(validate)
    add_method_files(validate)


def _add_methods(groups: Subparsers) -> None:
    actions = add_group(groups, "methods", "training methods", example="noisyseg methods list")
    listing = add_command(
        actions,
        "list",
        lazy_command("methods_list", "methods_commands"),
        "list the methods, built in and installed",
        example="noisyseg methods list",
    )
    add_json(listing)
    show = add_command(
        actions,
        "show",
        lazy_command("methods_show", "methods_commands"),
        "a method's parameters, their defaults and its paper",
        example="noisyseg methods show lncis",
    )
    show.add_argument("method", metavar="NAME|PATH.py:NAME")
    add_json(show)
    check = add_command(
        actions,
        "check",
        lazy_command("methods_check", "check_command"),
        "try a method on hard batches of RoIs and say what it breaks",
        example="noisyseg methods check my_method.py:my_loss",
    )
    check.add_argument("method", metavar="NAME|PATH.py:NAME")
    check.add_argument(
        "--model", metavar="NAME|FILE", help="also put it into this model's box heads"
    )
    add_json(check)
