"""`noisyseg compare`: methods of a suite on the same images, by a paired bootstrap."""

import argparse
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from noisyseg.bench.cli.arguments import add_json, positive, whole
from noisyseg.bench.cli.output import DONE, print_text, say
from noisyseg.bench.cli.suite_choice import SuiteChoice, add_suite_choice, chosen_suite
from noisyseg.bench.cli.suite_runs import known_records
from noisyseg.bench.config.suite_part import suite_label
from noisyseg.bench.reporting.comparison import Bootstrap, comparison
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
    """

    choice: SuiteChoice
    baseline: str | None
    draws: int
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
        "--draws", type=positive, default=1000, metavar="N", help="of images (default: 1000)"
    )
    parser.add_argument(
        "--bootstrap-seed", type=whole, default=0, metavar="N", help="of the draws (default: 0)"
    )
    add_json(parser)


def run(options: Options) -> int:
    """Compare each method with a baseline at each noise setting and seed, and rank them.

    Raises:
        InputError: an unknown baseline, predictions that are gone or changed, nothing to compare.
    """
    suite = chosen_suite(options.choice, download=False)
    store = RunStore(options.choice.out)
    baseline = suite_label(options.baseline or next(iter(suite.methods)), suite.methods)
    if baseline not in suite.methods:
        raise unknown_name(f"method of suite {suite.name}", baseline, suite.methods, "--baseline")
    bootstrap = Bootstrap(baseline=baseline, draws=options.draws, seed=options.bootstrap_seed)
    runs = foresee(suite, store, *check(suite, store))
    groups = comparison(runs, known_records(runs, store), bootstrap, say)
    if not groups:
        raise InputError(
            f"{suite.name}: nothing to compare: wanted {baseline} and another method done at the "
            "same noise setting and seed."
        )
    document = {
        "suite": suite.name,
        "baseline": baseline,
        "draws": options.draws,
        "groups": groups,
    }
    print_text(json.dumps(document, indent=2) if options.json else _markdown(document))
    return DONE


def _markdown(document: Mapping[str, Any]) -> str:
    baseline = document["baseline"]
    lines = [
        f"## {document['suite']}: mask AP against {baseline}, on the same images",
        "",
        f"Paired bootstrap over images, {document['draws']} draws, 95 % intervals. It is of these "
        "trained networks: what another seed would give is not in it.",
    ]
    for group in document["groups"]:
        lines += ["", f"### {group['noise']}, seed {group['seed']} ({group['images']} images)", ""]
        lines.append(f"| Method | AP | minus {baseline} | 95 % interval | p | | rank |")
        lines.append("|:---|---:|---:|:---|---:|:---|:---|")
        lines += [_line(row) for row in group["methods"]]
    return "\n".join(lines)


def _line(row: Mapping[str, Any]) -> str:
    found = row["comparison"]
    cells = ["—", "—", "—", "baseline"]
    if found is not None:
        verdict = "tie" if found["tie"] else "above" if found["difference"] > 0 else "below"
        cells = [
            _signed(found["difference"]),
            f"{_signed(found['low'])} to {_signed(found['high'])}",
            f"{found['p']:.3f}",
            verdict,
        ]
    rank = f"{row['rank']:g} ({row['rank_low']:g} to {row['rank_high']:g})"
    average = f"{row['average_precision']:.1f}"
    return "| " + " | ".join([row["method"], average, *cells, rank]) + " |"


def _signed(value: float) -> str:
    return f"{value:+.1f}".replace("-", "\N{MINUS SIGN}")
