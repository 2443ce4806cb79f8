"""The command line: `noisyseg …`, or `python run_benchmark.py …` in a checkout."""

import argparse
import io
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path

import noisyseg
from noisyseg.bench.data_cli import add_data
from noisyseg.bench.datasets.catalogue import VOC_MASKS
from noisyseg.bench.noise_cli import add_noise
from noisyseg.bench.parsers import (
    Subparsers,
    add_command,
    add_group,
    add_json,
    positive,
    whole,
)
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


def _command(name: str, module: str = "commands") -> Callable[[argparse.Namespace], int]:
    """A command's function; its module imports torch and pandas, which `noise` does without."""

    def call(arguments: argparse.Namespace) -> int:
        function: Callable[[argparse.Namespace], int]
        function = getattr(import_module(f"noisyseg.bench.{module}"), name)
        return function(arguments)

    return call


def build_parser() -> argparse.ArgumentParser:
    """The parser of every command."""
    parser = argparse.ArgumentParser(
        prog="noisyseg",
        description=_DESCRIPTION,
        epilog="example: noisyseg run quick",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"noisyseg {noisyseg.__version__}")
    groups = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_run(groups)
    _add_plan(groups)
    _add_table(groups)
    _add_status(groups)
    _add_suite(groups)
    _add_methods(groups)
    add_data(groups)
    add_noise(groups)
    return parser


def _add_run(groups: Subparsers) -> None:
    parser = add_command(
        groups,
        "run",
        _command("run"),
        "train what is missing of a suite and print its table",
        example="noisyseg run examples/boards.yaml --data-root ~/data --methods ce,lncis",
    )
    _add_suite_choice(parser)
    parser.add_argument(
        "--address",
        metavar="auto|HOST:PORT|ray://…",
        help="a Ray cluster that is already there (default: a private one on this machine)",
    )
    parser.add_argument(
        "--gpus-per-run",
        type=_share,
        metavar="N",
        help="GPUs for each run (default: 1 where there are GPUs, else 0)",
    )
    parser.add_argument(
        "--cpus-per-run",
        type=positive,
        metavar="N",
        help="CPUs for each run; on a CPU its torch threads (default: 1, or with "
        "GPUs an even share, at most 8)",
    )
    parser.add_argument(
        "--max-retries",
        type=whole,
        default=2,
        metavar="N",
        help="starts again for a run whose process died (default: 2)",
    )
    way = parser.add_mutually_exclusive_group()
    way.add_argument(
        "--dry-run", action="store_true", help="list the runs and which are done; train nothing"
    )
    way.add_argument(
        "--rehearse",
        action="store_true",
        help="every run with its real model and data, but four iterations: what would fail shows "
        "in minutes",
    )
    way.add_argument(
        "--test-dev",
        action="store_true",
        help="COCO: also write each run's file for COCO's evaluation server",
    )
    parser.add_argument(
        "--random-weights",
        action="store_true",
        help="with --rehearse: leave the backbone's pretrained weights out",
    )


def _add_plan(groups: Subparsers) -> None:
    parser = add_command(
        groups,
        "plan",
        _command("plan", "plan_command"),
        "list a suite's runs, their keys, which are done, and what the others cost",
        example="noisyseg plan paper-table1-voc --data-root ~/data --seconds-per-iteration 0.2",
    )
    _add_suite_choice(parser)
    parser.add_argument(
        "--seconds-per-iteration",
        type=_seconds,
        metavar="S",
        help="of an optimizer step (default: measured by runs that are done, or by rehearsals)",
    )
    add_json(parser)


def _add_table(groups: Subparsers) -> None:
    parser = add_command(
        groups, "table", _command("table"), "print a suite's table", example="noisyseg table quick"
    )
    _add_suite_choice(parser)


def _add_status(groups: Subparsers) -> None:
    parser = add_command(
        groups,
        "status",
        _command("status"),
        "list the runs: done, failed, running, waiting",
        example="noisyseg status --out runs --json",
    )
    _add_out(parser)
    add_json(parser)


def _add_suite(groups: Subparsers) -> None:
    actions = add_group(
        groups, "suite", "shipped suites and suite files", example="noisyseg suite list"
    )
    listing = add_command(
        actions,
        "list",
        _command("suite_list"),
        "list the shipped suites",
        example="noisyseg suite list",
    )
    add_json(listing)
    show = add_command(
        actions,
        "show",
        _command("suite_show"),
        "print a shipped suite's file",
        example="noisyseg suite show quick",
    )
    show.add_argument("suite", metavar="NAME")
    validate = add_command(
        actions,
        "validate",
        _command("suite_validate"),
        "check a suite file and the annotation files that it names",
        example="noisyseg suite validate my_suite.yaml",
    )
    validate.add_argument("suite", metavar="FILE")
    _add_data_choice(validate)


def _add_methods(groups: Subparsers) -> None:
    actions = add_group(groups, "methods", "training methods", example="noisyseg methods list")
    listing = add_command(
        actions,
        "list",
        _command("methods_list"),
        "list the methods",
        example="noisyseg methods list",
    )
    add_json(listing)
    show = add_command(
        actions,
        "show",
        _command("methods_show"),
        "a method's parameters and paper",
        example="noisyseg methods show lncis",
    )
    show.add_argument("method", metavar="NAME")
    add_json(show)


def _add_suite_choice(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("suite", metavar="SUITE", help="a shipped suite's name or a YAML file")
    _add_out(parser)
    _add_data_choice(parser)
    parser.add_argument("--methods", type=_names, metavar="A,B", help="only these methods")
    parser.add_argument("--noise", type=_names, metavar="A,B", help="only these noise settings")
    parser.add_argument(
        "--seeds",
        type=_seeds,
        metavar="0,1,2",
        help="these seeds instead of the suite's; each is noise and train seed",
    )


def _add_out(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("runs"),
        metavar="FOLDER",
        help="where runs lie (default: runs)",
    )


def _add_data_choice(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data-root",
        type=Path,
        metavar="FOLDER",
        help="where a suite's relative data and weights paths start "
        "(default: the suite file's folder)",
    )
    parser.add_argument(
        "--variant", metavar="NAME", help="one of the suite's variants (default: its first)"
    )
    parser.add_argument(
        "--masks", choices=VOC_MASKS, help="VOC's mask source (default: the suite's)"
    )
    parser.add_argument(
        "--allow-partial",
        action="store_true",
        help="accept fewer images than the official number; records say so in the data's name",
    )


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value < 1e6:
        raise argparse.ArgumentTypeError(f"wanted a number of seconds above 0, got {text!r}")
    return value


def _names(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise argparse.ArgumentTypeError(f"wanted names with commas between them, got {text!r}")
    return names


def _seeds(text: str) -> list[int]:
    seeds = [whole(part) for part in text.split(",")]
    if len(set(seeds)) < len(seeds):
        raise argparse.ArgumentTypeError(f"a seed is given twice in {text}")
    return seeds


def _share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    # Ray gives out parts of one GPU, or whole ones.
    if not 0 <= value < 1e4 or (value > 1 and value != int(value)):
        raise argparse.ArgumentTypeError(
            f"wanted a share of a GPU or a whole number of them, got {text!r}"
        )
    return value


if __name__ == "__main__":
    sys.exit(main())
