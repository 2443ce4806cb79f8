"""What the commands of `suite` and `methods` do; `cli.py` says how they are called."""

import argparse
import json
from collections.abc import Sequence

from noisyseg.bench.cache import cache_folder
from noisyseg.bench.commands import DONE, choices, print_text
from noisyseg.bench.grid import check
from noisyseg.bench.shipped import shipped_names, shipped_path
from noisyseg.bench.suite import load_suite


def suite_list(arguments: argparse.Namespace) -> int:
    """List the shipped suites."""
    return _print_names(shipped_names("suite"), as_json=arguments.json)


def suite_show(arguments: argparse.Namespace) -> int:
    """Print a shipped suite's file."""
    print_text(shipped_path("suite", arguments.suite).read_text(encoding="utf-8").rstrip())
    return DONE


def suite_validate(arguments: argparse.Namespace) -> int:
    """Check a suite's file and the annotation files that it names; write nothing."""
    suite = load_suite(
        arguments.suite,
        data_root=arguments.data_root,
        cache=cache_folder(),
        choices=choices(arguments),
    )
    check(suite)
    cells = len(suite.methods) * len(suite.noise)
    print_text(f"{suite.file}: valid: {cells} cells, {cells * len(suite.seeds)} runs")
    return DONE


def methods_list(arguments: argparse.Namespace) -> int:
    """List the methods with what they are."""
    from noisyseg.methods.built_in import METHODS

    if arguments.json:
        return _print_names(list(METHODS), as_json=True)
    for method in METHODS.values():
        print_text(f"{method.name:8} {method.summary}")
    return DONE


def methods_show(arguments: argparse.Namespace) -> int:
    """Print a method's parameters, their defaults and its paper."""
    from noisyseg.methods.registry import resolve

    resolved = resolve(arguments.method, {})
    details = {
        **resolved.spec(),
        "summary": resolved.method.summary,
        "paper": resolved.method.paper,
    }
    if arguments.json:
        print_text(json.dumps(details, indent=2))
        return DONE
    print_text(f"{details['name']} (version {details['version']}): {details['summary']}")
    print_text(f"paper: {details['paper']}")
    for name, value in resolved.spec()["parameters"].items():
        print_text(f"  {name} = {json.dumps(value) if isinstance(value, bool) else f'{value:g}'}")
    return DONE


def _print_names(names: Sequence[str], *, as_json: bool) -> int:
    print_text(json.dumps(list(names)) if as_json else "\n".join(names))
    return DONE
