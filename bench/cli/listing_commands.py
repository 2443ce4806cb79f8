"""What the commands of `suite` do; `cli.py` says how they are called."""

import argparse
import json
from collections.abc import Sequence

from noisyseg.bench.cli.commands import choices
from noisyseg.bench.cli.output import DONE, print_text, say_warnings
from noisyseg.bench.config.shipped import shipped_names
from noisyseg.bench.config.suite import load_suite
from noisyseg.bench.datasets.cache import cache_folder
from noisyseg.bench.runs.grid import check, foreseen_noise


def suite_list(arguments: argparse.Namespace) -> int:
    """List the shipped suites."""
    return _print_names(shipped_names("suite"), as_json=arguments.json)


def suite_validate(arguments: argparse.Namespace) -> int:
    """Check a suite's file and the annotation files that it names; write nothing."""
    suite = load_suite(
        arguments.suite,
        data_root=arguments.data_root,
        cache=cache_folder(),
        choices=choices(arguments),
    )
    data, settings = check(suite)
    say_warnings(data.warnings)
    say_warnings(foreseen_noise(suite, data, settings))
    cells = len(suite.methods) * len(suite.noise)
    print_text(f"{suite.file}: valid: {cells} cells, {cells * len(suite.seeds)} runs")
    return DONE


def _print_names(names: Sequence[str], *, as_json: bool) -> int:
    print_text(json.dumps(list(names)) if as_json else "\n".join(names))
    return DONE
