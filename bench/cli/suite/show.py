"""`noisyseg suite show`."""

import argparse
from dataclasses import dataclass

from noisyseg.bench.cli.output import DONE, print_text
from noisyseg.bench.config.shipped import shipped_path

EXAMPLE = "noisyseg suite show quick"


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What is asked for."""

    suite: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("suite", metavar="NAME")


def run(options: Options) -> int:
    """Print a shipped suite's file."""
    print_text(shipped_path("suite", options.suite).read_text(encoding="utf-8").rstrip())
    return DONE
