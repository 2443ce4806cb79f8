"""`noisyseg figures`: a suite's results and what its class losses did, as pictures and a table."""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from noisyseg.bench.cli.arguments import add_json, names
from noisyseg.bench.cli.output import DONE, SOME_FAILED, print_text, say
from noisyseg.bench.cli.suite_choice import SuiteChoice, add_suite_choice
from noisyseg.bench.cli.suite_runs import foreseen
from noisyseg.bench.reporting.figures import pictures
from noisyseg.bench.reporting.loss_logs import LossLogs, loss_logs
from noisyseg.bench.reporting.suite_results import SuiteResults
from noisyseg.bench.reporting.suite_table import suite_file_name, suite_table
from noisyseg.errors import InputError
from noisyseg.files import write_atomically
from noisyseg.results.figures.style import FORMATS
from noisyseg.results.records.loss_at_work import PAPERS_SHARES
from noisyseg.results.records.metrics import DEFAULT
from noisyseg.results.tables.loss_table import loss_table
from noisyseg.text_lines import with_path, wrapped

EXAMPLE = "noisyseg figures quick"
FOLDER = "figures"


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What is asked for."""

    choice: SuiteChoice
    format: list[str]
    metric: str
    json: bool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    add_suite_choice(parser)
    parser.add_argument(
        "--format",
        type=_formats,
        default=["png"],
        metavar="A,B",
        help=f"of the files: {', '.join(FORMATS)} (default: png)",
    )
    parser.add_argument(
        "--metric",
        default=DEFAULT,
        metavar="NAME",
        help=f"of the figures of results, such as agnostic.AP (default: {DEFAULT})",
    )
    add_json(parser)


def run(options: Options) -> int:
    """Draw a suite's results; draw and tabulate what its runs' logs tell of their class loss.

    Raises:
        InputError: of no run anything can be told.
    """
    suite, runs, store = foreseen(options.choice, writes=True)
    logs = loss_logs(runs, store)
    for line in (*logs.skipped, *logs.broken):
        say("\n".join(wrapped(line, hanging="  ")))
    records = {run.key: record for run in runs if (record := store.peek(run.spec)[0]) is not None}
    table = suite_table(suite, runs, records, metric=options.metric)
    results = SuiteResults(
        suite=suite, runs=runs, records=records, table=table, observed=logs.observed
    )
    folder = store.root / FOLDER / suite_file_name(suite)
    written = _written(results, folder, options.format)
    if not written:
        raise InputError(
            f"{suite.name}: none of its {len(runs)} runs has anything to draw. Train them with "
            "`noisyseg run`, and give the same --out here."
        )
    rows = [row for entry in logs.observed for row in entry.rows()]
    if options.json:
        print_text(json.dumps(_document(results, logs, rows, written), indent=2))
    elif rows:
        print_text(loss_table(rows, suite.notes))
    say(with_path(f"{len(written)} figures written to", folder))
    return SOME_FAILED if logs.broken else DONE


def _formats(text: str) -> list[str]:
    found = list(dict.fromkeys(names(text)))
    for name in found:
        if name not in FORMATS:
            raise argparse.ArgumentTypeError(f"wanted some of {', '.join(FORMATS)}, got {name!r}")
    return found


def _written(results: SuiteResults, folder: Path, formats: Sequence[str]) -> list[Path]:
    """Write every figure; returns the files."""
    written = []
    for picture in pictures(results, formats):
        for kind, content in picture.contents.items():
            written.append(folder / f"{picture.name}.{kind}")
            write_atomically(written[-1], content)
    return written


def _document(
    results: SuiteResults, logs: LossLogs, rows: list[dict[str, Any]], written: Sequence[Path]
) -> dict[str, Any]:
    return {
        "suite": results.suite.name,
        "variant": results.suite.variant,
        "paper": PAPERS_SHARES,
        "runs": rows,
        "skipped": [*logs.skipped, *logs.broken],
        "figures": [str(path) for path in written],
    }
