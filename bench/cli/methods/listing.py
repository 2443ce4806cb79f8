"""`noisyseg methods list`."""

import argparse
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from noisyseg.bench.cli.arguments import add_json
from noisyseg.bench.cli.methods.description import described, value_text
from noisyseg.bench.cli.output import DONE, print_text
from noisyseg.errors import InputError
from noisyseg.methods.built_in import METHODS
from noisyseg.methods.plugins import installed_method, installed_names
from noisyseg.methods.registry import TAKEN, named
from noisyseg.text_lines import wrapped

EXAMPLE = "noisyseg methods list"


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What is asked for."""

    json: bool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    add_json(parser)


def run(options: Options) -> int:
    """List the methods, built in and of installed packages, with parameters and papers."""
    rows = [_row(name) for name in METHODS]
    # An installed package's method comes even under a built-in name: to say that it clashes.
    rows += [_installed(name) for name in installed_names()]
    if options.json:
        print_text(json.dumps(rows, indent=2))
        return DONE
    width = max(len(row["name"]) for row in rows)
    for row in rows:
        beside = " " * (width + 2)
        lines = [part for line in _lines(row) for part in wrapped(line, indent=beside)]
        print_text("\n".join([f"{row['name']:{width + 2}}{lines[0].lstrip()}", *lines[1:]]))
    return DONE


def _row(name: str) -> dict[str, Any]:
    return {**described(named(name)), "problem": None}


def _installed(name: str) -> dict[str, Any]:
    """An installed method, or why it cannot be used: the others are listed all the same."""
    try:
        installed_method(name, TAKEN)
        return _row(name)
    except InputError as error:
        return {"name": name, "problem": str(error)}


def _lines(row: Mapping[str, Any]) -> list[str]:
    if row["problem"]:
        return [f"CANNOT BE USED: {row['problem']}"]
    values = row["parameters"].items()
    parameters = ", ".join(f"{name} {value_text(value)}" for name, value in values)
    origin = "" if row["origin"] == "built in" else f" [{row['origin']}]"
    other = f"also called {', '.join(row['aliases'])}" if row["aliases"] else ""
    return [f"{row['summary']}{origin}", *filter(None, (other, parameters, row["paper"]))]
