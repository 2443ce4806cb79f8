"""`noisyseg suite list`."""

import argparse
import json
from dataclasses import dataclass

from noisyseg.bench.cli.arguments import add_json
from noisyseg.bench.cli.output import DONE, print_text
from noisyseg.bench.config.shipped import shipped_names

EXAMPLE = "noisyseg suite list"


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """How to list them."""

    json: bool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    add_json(parser)


def run(options: Options) -> int:
    """List the shipped suites."""
    names = list(shipped_names("suite"))
    print_text(json.dumps(names) if options.json else "\n".join(names))
    return DONE
