"""The parsers of the commands that work on a suite's runs."""

import argparse
from pathlib import Path

from noisyseg.bench.cli.parsers import (
    Subparsers,
    add_command,
    add_json,
    lazy_command,
    positive,
    whole,
)
from noisyseg.bench.datasets.catalogue import VOC_MASKS


def add_run(groups: Subparsers) -> None:
    """Add the command."""
    parser = add_command(
        groups,
        "run",
        lazy_command("run"),
        "train what is missing of a suite and print its table",
        example="noisyseg run examples/boards.yaml --data-root ~/data --methods ce,lncis",
    )
    _add_suite_choice(parser)
    _add_resources(parser)
    _add_way(parser)


def _add_resources(parser: argparse.ArgumentParser) -> None:
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


def _add_way(parser: argparse.ArgumentParser) -> None:
    """What is done in place of training what is missing, or beside it."""
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


def add_plan(groups: Subparsers) -> None:
    """Add the command."""
    parser = add_command(
        groups,
        "plan",
        lazy_command("plan", "plan_command"),
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


def add_status(groups: Subparsers) -> None:
    """Add the command."""
    parser = add_command(
        groups,
        "status",
        lazy_command("status"),
        "list the runs: done, failed, running, waiting",
        example="noisyseg status --out runs --json",
    )
    add_out(parser)
    add_json(parser)


def add_suite_list(actions: Subparsers) -> None:
    """Add the command."""
    listing = add_command(
        actions,
        "list",
        lazy_command("suite_list", "listing_commands"),
        "list the shipped suites",
        example="noisyseg suite list",
    )
    add_json(listing)


def add_suite_validate(actions: Subparsers) -> None:
    """Add the command."""
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


def add_methods_list(actions: Subparsers) -> None:
    """Add the command."""
    listing = add_command(
        actions,
        "list",
        lazy_command("methods_list", "methods_commands"),
        "list the methods, built in and installed",
        example="noisyseg methods list",
    )
    add_json(listing)


def add_methods_show(actions: Subparsers) -> None:
    """Add the command."""
    show = add_command(
        actions,
        "show",
        lazy_command("methods_show", "methods_commands"),
        "a method's parameters, their defaults and its paper",
        example="noisyseg methods show lncis",
    )
    show.add_argument("method", metavar="NAME|PATH.py:NAME")
    add_json(show)


def add_methods_check(actions: Subparsers) -> None:
    """Add the command."""
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


def _add_suite_choice(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("suite", metavar="SUITE", help="a shipped suite's name or a YAML file")
    add_out(parser)
    add_data_choice(parser)
    add_method_files(parser)
    parser.add_argument(
        "--methods",
        type=_names,
        metavar="A,B",
        help="only these of the suite's methods; others that are known run with their defaults",
    )
    parser.add_argument("--noise", type=_names, metavar="A,B", help="only these noise settings")
    parser.add_argument(
        "--seeds",
        type=_seeds,
        metavar="0,1,2",
        help="these seeds instead of the suite's; each is noise and train seed",
    )
    parser.add_argument(
        "--noise-seeds",
        type=_seeds,
        metavar="0,1",
        help="with --train-seeds: every noise seed with every train seed, which tells the spread "
        "that each gives apart",
    )
    parser.add_argument("--train-seeds", type=_seeds, metavar="0,1", help="see --noise-seeds")


def add_method_files(parser: argparse.ArgumentParser) -> None:
    """The option that brings in methods of the user's own."""
    parser.add_argument(
        "--method-file",
        action="append",
        default=[],
        dest="method_files",
        metavar="PATH.py:NAME",
        help="a method of your own: a Python file and the function or class in it. It may be "
        "given several times; one that the suite does not name is run with its defaults",
    )


def add_out(parser: argparse.ArgumentParser) -> None:
    """The option that names the store."""
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("runs"),
        metavar="FOLDER",
        help="where runs lie (default: runs)",
    )


def add_data_choice(parser: argparse.ArgumentParser) -> None:
    """The options that say where a suite's data are, and which of its variants is meant."""
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
