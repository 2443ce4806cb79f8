"""`noisyseg power`: how well a suite's seeds tell its methods apart. It only reads."""

import argparse
import json
from dataclasses import dataclass
from typing import Any

from noisyseg.bench.cli.arguments import add_json, whole
from noisyseg.bench.cli.output import DONE, print_text
from noisyseg.bench.cli.suite_choice import SuiteChoice, add_recorded_choice
from noisyseg.bench.cli.suite_power import measured_power
from noisyseg.bench.cli.suite_runs import foreseen
from noisyseg.bench.config.suite import Suite
from noisyseg.bench.config.suite_part import suite_label
from noisyseg.bench.reporting.power_page import power_markdown
from noisyseg.bench.reporting.setting_power import SettingPower
from noisyseg.bench.reporting.suite_table import suite_title
from noisyseg.bench.reporting.suite_values import ALL_METRICS, check_any_metric
from noisyseg.errors import InputError, unknown_name
from noisyseg.results.records.metrics import DEFAULT
from noisyseg.results.records.store import RunStore

EXAMPLE = "noisyseg power quick --baseline ce"


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What is asked for.

    Attributes:
        metric: one of `ALL_METRICS`.
        baseline: label of the one method that the others are compared with; None: each with each.
        draws: of evaluation images; 0: their part is not asked for.
    """

    choice: SuiteChoice
    metric: str
    baseline: str | None
    draws: int
    json: bool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    add_recorded_choice(parser)
    parser.add_argument(
        "--metric",
        default=DEFAULT,
        metavar="NAME",
        help=f"such as bbox.AP, matched.accuracy, recovered (default: {DEFAULT})",
    )
    parser.add_argument(
        "--baseline",
        metavar="METHOD",
        help="count comparisons with this method alone (default: of every two methods)",
    )
    parser.add_argument(
        "--draws",
        type=whole,
        default=200,
        metavar="N",
        help="of evaluation images, which tell their part of mask AP's spread, of no other metric; "
        "0: not told (default: 200)",
    )
    add_json(parser)


def run(options: Options) -> int:
    """Print what the seeds of a suite's records can tell; all seeds of the store, unless chosen.

    Raises:
        InputError: an unusable suite, an unknown metric or baseline, predictions that are gone or
            changed, or no run that is done.
    """
    check_any_metric(options.metric)
    suite, runs, store = foreseen(options.choice)
    baseline = None
    if options.baseline is not None:
        baseline = suite_label(options.baseline, suite.methods)
        if baseline not in suite.methods:
            raise unknown_name(
                f"method of suite {suite.name}", baseline, suite.methods, "--baseline"
            )
    settings = measured_power(
        suite,
        runs,
        store,
        metric=options.metric,
        baseline=baseline,
        draws=options.draws,
    )
    if not any(setting.methods for setting in settings):
        raise InputError(_nothing(suite, options, store, has_runs=bool(settings)))
    if options.json:
        print_text(json.dumps(_document(suite, options, settings), indent=2))
    else:
        title = suite_title(suite)
        print_text(power_markdown(settings, title=title, value_name=ALL_METRICS[options.metric]))
    return DONE


def _nothing(suite: Suite, options: Options, store: RunStore, *, has_runs: bool) -> str:
    """Why there is no number, and what to do."""
    if not has_runs:
        return (
            f"{suite.name}: no run in {store.root} is done. Train some: noisyseg run {suite.name} "
            f"--seeds 0,1,2 --out {store.root}"
        )
    return (
        f"{suite.name}: no run in {store.root} that is done has a number for {options.metric} "
        f"({ALL_METRICS[options.metric]}). What became of wrong labels needs noise, relative AP "
        "clean runs at the same seeds, APs by size objects of it. Take another --metric, or leave "
        "--noise and --methods out."
    )


def _document(suite: Suite, options: Options, settings: list[SettingPower]) -> dict[str, Any]:
    return {
        "suite": suite.name,
        "metric": options.metric,
        "baseline": settings[0].baseline,
        "settings": [setting.document() for setting in settings],
    }
