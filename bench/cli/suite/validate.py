"""`noisyseg suite validate`."""

import argparse
from dataclasses import dataclass

from noisyseg.bench.cli.output import DONE, print_text, say_warnings
from noisyseg.bench.cli.suite_choice import DataChoice, add_data_choice, choices_of
from noisyseg.bench.config.suite import Suite, load_suite
from noisyseg.bench.config.weights import AbsentWeightsError
from noisyseg.bench.datasets.cache import cache_folder
from noisyseg.bench.runs.inputs import check, foreseen_noise

EXAMPLE = "noisyseg suite validate my_suite.yaml"


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """A suite's file, or a shipped suite's name, and where its data are."""

    suite: str
    data: DataChoice


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("suite", metavar="FILE")
    add_data_choice(parser)


def run(options: Options) -> int:
    """Check a suite's file and the annotation files that it names; write nothing."""
    try:
        suite = _suite(options)
    except AbsentWeightsError as error:  # no fault of the suite's
        say_warnings([str(error)])
        suite = _suite(options, random_weights=True)
    data, settings = check(suite)
    say_warnings(data.warnings)
    say_warnings(foreseen_noise(suite, data, settings))
    cells = len(suite.methods) * len(suite.noise)
    print_text(f"{suite.file}: valid: {cells} cells, {cells * len(suite.seeds)} runs")
    return DONE


def _suite(options: Options, *, random_weights: bool = False) -> Suite:
    return load_suite(
        options.suite,
        data_root=options.data.data_root,
        cache=cache_folder(),
        choices=choices_of(options.data, random_weights=random_weights, download=False),
    )
