"""`noisyseg compare`: methods of a suite against one of them, over seeds and images."""

import argparse
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from noisyseg.bench.cli.arguments import add_json, positive, whole
from noisyseg.bench.cli.data.progress_bar import progress_bar
from noisyseg.bench.cli.output import DONE, print_text, say
from noisyseg.bench.cli.suite_choice import SuiteChoice, add_recorded_choice
from noisyseg.bench.cli.suite_runs import foreseen, known_records
from noisyseg.bench.config.suite_part import suite_label
from noisyseg.bench.reporting.across_settings import across_settings
from noisyseg.bench.reporting.comparison import Bootstrap, comparison, enough_draws
from noisyseg.bench.reporting.comparison_page import comparison_markdown
from noisyseg.bench.reporting.setting_comparison import SettingComparison
from noisyseg.errors import InputError, unknown_name
from noisyseg.files import write_atomically
from noisyseg.text_lines import with_path

EXAMPLE = "noisyseg compare quick --baseline ce --noise sym40"


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What is asked for.

    Attributes:
        also: other suites of the store, whose settings count across all, too.
        baseline: label of a method; None: the suite's first.
        draws: of images; None: as many as it takes.
        figures: folder of the figures; None: none are drawn.
    """

    choice: SuiteChoice
    also: list[str]
    baseline: str | None
    draws: int | None
    bootstrap_seed: int
    figures: Path | None
    json: bool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    add_recorded_choice(parser)
    parser.add_argument(
        "--baseline",
        metavar="METHOD",
        help="that the others are compared with (default: the first)",
    )
    parser.add_argument(
        "--also",
        action="append",
        default=[],
        metavar="SUITE",
        help="another suite of this store, such as one of other data, whose settings count across "
        "all, too. It may be given several times",
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
    parser.add_argument(
        "--figures",
        type=Path,
        metavar="FOLDER",
        help="draw critical-difference diagrams, and methods across all settings, into it (png, "
        "svg)",
    )
    add_json(parser)


def run(options: Options) -> int:
    """Compare each method with a baseline at each noise setting over all its seeds, and rank them.

    Raises:
        InputError: an unknown baseline, files that are gone or changed, nothing to compare.
    """
    suites = dict(
        _settings(options, name) for name in dict.fromkeys((options.choice.suite, *options.also))
    )
    settings = {
        f"{suite}, {found.noise}" if len(suites) > 1 else found.noise: found
        for suite, of_suite in suites.items()
        for found in of_suite
    }
    across = across_settings(settings, seed=options.bootstrap_seed)
    document: dict[str, Any] = {
        "suite": ", ".join(suites),
        "baseline": next(iter(settings.values())).baseline,
        "groups": [{"name": name, **setting.document()} for name, setting in settings.items()],
        "across": across and across.document(),
    }
    print_text(json.dumps(document, indent=2) if options.json else comparison_markdown(document))
    if options.figures is not None:
        from noisyseg.bench.reporting.comparison_figures import comparison_figures

        drawn = comparison_figures(settings, across, ("png", "svg"), title=document["suite"])
        for file, content in drawn.items():
            write_atomically(options.figures / file, content)
        say(with_path(f"{len(drawn)} figures written to", options.figures))
    return DONE


def _settings(options: Options, name: str) -> tuple[str, list[SettingComparison]]:
    """A suite's name, and what is found at each of its noise settings."""
    suite, runs, store = foreseen(replace(options.choice, suite=name))
    baseline = suite_label(options.baseline or next(iter(suite.methods)), suite.methods)
    if baseline not in suite.methods:
        raise unknown_name(f"method of suite {suite.name}", baseline, suite.methods, "--baseline")
    draws = options.draws or enough_draws(len(suite.methods))
    bootstrap = Bootstrap(baseline=baseline, draws=draws, seed=options.bootstrap_seed)
    records = known_records(runs, store)
    with progress_bar(f"comparing {suite.name}") as progress:
        found = comparison(runs, records, bootstrap, tell=say, progress=progress)
    if not found:
        raise InputError(
            f"{suite.name}: nothing to compare: wanted {baseline} and another method done at the "
            "same noise setting."
        )
    return suite.name, found
