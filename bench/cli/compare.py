"""`noisyseg compare`: methods of a suite against one of them, over seeds and images."""

import argparse
import json
from dataclasses import dataclass
from typing import Any

from noisyseg.bench.cli.arguments import add_json, positive, whole
from noisyseg.bench.cli.data.progress_bar import progress_bar
from noisyseg.bench.cli.output import DONE, print_text, say
from noisyseg.bench.cli.suite_choice import SuiteChoice, add_suite_choice, chosen_suite
from noisyseg.bench.cli.suite_runs import known_records
from noisyseg.bench.config.suite_part import suite_label
from noisyseg.bench.reporting.comparison import Bootstrap, comparison, enough_draws
from noisyseg.bench.reporting.comparison_page import comparison_markdown
from noisyseg.bench.runs.grid import foresee
from noisyseg.bench.runs.inputs import check
from noisyseg.errors import InputError, unknown_name
from noisyseg.results.records.store import RunStore

EXAMPLE = "noisyseg compare quick --baseline ce --noise sym40"


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What is asked for.

    Attributes:
        baseline: label of a method; None: the suite's first.
        draws: of images; None: as many as it takes.
    """

    choice: SuiteChoice
    baseline: str | None
    draws: int | None
    bootstrap_seed: int
    json: bool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    add_suite_choice(parser)
    parser.add_argument(
        "--baseline",
        metavar="METHOD",
        help="that the others are compared with (default: the first)",
    )
    parser.add_argument(
        "--draws",
        type=positive,
        metavar="N",
        help="of images (default: 1000, more for more than seven methods)",
    )
    parser.add_argument(
        "--bootstrap-seed", type=whole, default=0, metavar="N", help="of the draws (default: 0)"
    )
    add_json(parser)


def run(options: Options) -> int:
    """Compare each method with a baseline at each noise setting over all its seeds, and rank them.

    Raises:
        InputError: an unknown baseline, files that are gone or changed, nothing to compare.
    """
    suite = chosen_suite(options.choice, download=False)
    store = RunStore(options.choice.out)
    baseline = suite_label(options.baseline or next(iter(suite.methods)), suite.methods)
    if baseline not in suite.methods:
        raise unknown_name(f"method of suite {suite.name}", baseline, suite.methods, "--baseline")
    draws = options.draws or enough_draws(len(suite.methods))
    bootstrap = Bootstrap(baseline=baseline, draws=draws, seed=options.bootstrap_seed)
    runs = foresee(suite, store, *check(suite, store))
    records = known_records(runs, store)
    with progress_bar("comparing") as progress:
        found = comparison(runs, records, bootstrap, tell=say, progress=progress)
    if not found:
        raise InputError(
            f"{suite.name}: nothing to compare: wanted {baseline} and another method done at the "
            "same noise setting."
        )
    document: dict[str, Any] = {
        "suite": suite.name,
        "baseline": baseline,
        "draws": draws,
        "groups": [setting.document() for setting in found],
    }
    print_text(json.dumps(document, indent=2) if options.json else comparison_markdown(document))
    return DONE
