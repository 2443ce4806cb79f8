"""What `methods list` and `methods show` do; `cli.py` says how they are called."""

import argparse
import json
from collections.abc import Mapping
from typing import Any

from noisyseg.bench.cli.output import DONE, print_text
from noisyseg.errors import InputError
from noisyseg.methods.built_in import METHODS
from noisyseg.methods.method import ResolvedMethod, Value
from noisyseg.methods.plugins import installed_method, installed_names
from noisyseg.methods.registry import TAKEN, aliases, named
from noisyseg.text_lines import wrapped


def methods_list(arguments: argparse.Namespace) -> int:
    """List the methods, built in and of installed packages, with parameters and papers."""
    rows = [_described(name) for name in METHODS]
    # An installed package's method comes even under a built-in name: to say that it clashes.
    rows += [_installed(name) for name in installed_names()]
    if arguments.json:
        print_text(json.dumps(rows, indent=2))
        return DONE
    width = max(len(row["name"]) for row in rows)
    for row in rows:
        beside = " " * (width + 2)
        lines = [part for line in _lines(row) for part in wrapped(line, indent=beside)]
        print_text("\n".join([f"{row['name']:{width + 2}}{lines[0].lstrip()}", *lines[1:]]))
    return DONE


def methods_show(arguments: argparse.Namespace) -> int:
    """Print a method's parameters, their defaults, its paper and where it was found."""
    details = _details(named(arguments.method))
    if arguments.json:
        print_text(json.dumps(details, indent=2))
        return DONE
    print_text(f"{details['name']} ({_release(details)}): {details['summary']}")
    if details["aliases"]:
        print_text(f"also called: {', '.join(details['aliases'])}")
    print_text(f"paper: {details['paper']}")
    print_text(f"found: {details['origin']}")
    if details["needs"]:
        print_text(f"needs: {', '.join(details['needs'])}")
    for name, value in details["parameters"].items():
        print_text(f"  {name} = {_value(value)}")
    return DONE


def _described(name: str) -> dict[str, Any]:
    return {**_details(named(name)), "problem": None}


def _installed(name: str) -> dict[str, Any]:
    """An installed method, or why it cannot be used: the others are listed all the same."""
    try:
        installed_method(name, TAKEN)
        return _described(name)
    except InputError as error:
        return {"name": name, "problem": str(error)}


def _details(method: ResolvedMethod) -> dict[str, Any]:
    return {
        **method.spec(),
        "aliases": aliases(method.name),
        "needs": list(method.start().needs),
        "summary": method.method.summary,
        "paper": method.method.paper,
        "origin": method.method.origin,
    }


def _lines(row: Mapping[str, Any]) -> list[str]:
    if row["problem"]:
        return [f"CANNOT BE USED: {row['problem']}"]
    parameters = ", ".join(f"{name} {_value(value)}" for name, value in row["parameters"].items())
    origin = "" if row["origin"] == "built in" else f" [{row['origin']}]"
    other = f"also called {', '.join(row['aliases'])}" if row["aliases"] else ""
    return [f"{row['summary']}{origin}", *filter(None, (other, parameters, row["paper"]))]


def _release(details: Mapping[str, Any]) -> str:
    if "version" in details:
        return f"version {details['version']}"
    return f"file {details['file_sha256'][:16]}"


def _value(value: Value) -> str:
    """As a suite's file has it."""
    if isinstance(value, bool):
        return json.dumps(value)
    return value if isinstance(value, str) else f"{value:g}"
