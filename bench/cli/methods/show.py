"""`noisyseg methods show`."""

import argparse
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from noisyseg.bench.cli.arguments import add_json
from noisyseg.bench.cli.methods.description import described, value_text
from noisyseg.bench.cli.output import DONE, print_text
from noisyseg.methods.registry import named

EXAMPLE = "noisyseg methods show lncis"


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What is asked for."""

    method: str
    json: bool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("method", metavar="NAME|PATH.py:NAME")
    add_json(parser)


def run(options: Options) -> int:
    """Print a method's parameters, their defaults, its paper and where it was found."""
    details = described(named(options.method))
    if options.json:
        print_text(json.dumps(details, indent=2))
        return DONE
    print_text(f"{details['name']} ({_release(details)}): {details['summary']}")
    if details["aliases"]:
        print_text(f"also called: {', '.join(details['aliases'])}")
    print_text(f"paper: {details['paper']}")
    print_text(f"found: {details['origin']}")
    if details["needs"]:
        print_text(f"needs: {', '.join(details['needs'])}")
    if details["begins_as"]:
        print_text(f"begins as: {_beginning(details['begins_as'])}")
    for name, value in details["parameters"].items():
        print_text(f"  {name} = {value_text(value)}")
    return DONE


def _release(details: Mapping[str, Any]) -> str:
    if "version" in details:
        return f"version {details['version']}"
    return f"file {details['file_sha256'][:16]}"


def _beginning(beginning: Mapping[str, Any]) -> str:
    until, when = beginning["until"], beginning["when"]
    share = until if isinstance(until, str) else value_text(until)
    condition = "" if when is None else f", if {when}"
    return f"{beginning['method']}, up to {share} of all epochs{condition}"
