"""`noisyseg figures`: a suite's results and what its class losses did, as pictures and a table."""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from noisyseg.bench.cli.arguments import add_json, names
from noisyseg.bench.cli.output import DONE, SOME_FAILED, print_text, say
from noisyseg.bench.cli.suite_choice import SuiteChoice, add_recorded_choice
from noisyseg.bench.cli.suite_runs import foreseen
from noisyseg.bench.reporting.figures import FIGURES, pictures
from noisyseg.bench.reporting.loss_logs import LossLogs, loss_logs
from noisyseg.bench.reporting.suite_progress import progress_note
from noisyseg.bench.reporting.suite_results import SuiteResults
from noisyseg.bench.reporting.suite_table import part_file_name, suite_file_name, suite_table
from noisyseg.errors import InputError
from noisyseg.files import write_atomically
from noisyseg.results.figures.style import FORMATS
from noisyseg.results.records.loss_at_work import PAPERS_SHARES
from noisyseg.results.records.metrics import DEFAULT
from noisyseg.results.tables.loss_table import loss_table
from noisyseg.text_lines import with_path, wrapped

EXAMPLE = "noisyseg figures quick"
FOLDER = "figures"
_OF_THE_METRIC = {figure.name for figure in FIGURES if figure.per == "suite"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What is asked for.

    Attributes:
        metric: of the figures of results.
        write: the folder of the files; None: one in the working folder, named after the suite.
    """

    choice: SuiteChoice
    format: list[str]
    metric: str
    write: Path | None
    json: bool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    add_recorded_choice(parser)
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
    parser.add_argument(
        "--write",
        type=Path,
        metavar="FOLDER",
        help="where the files go (default: SUITE-figures in the working folder); their names carry "
        "the metric and what was chosen of the suite",
    )
    add_json(parser)


def run(options: Options) -> int:
    """Draw a suite's results; draw and tabulate what its runs' logs tell of their class loss.

    Raises:
        InputError: of no run anything can be told.
    """
    suite, runs, store = foreseen(options.choice)
    there = {run.key: store.peek(run.spec, run.key) for run in runs}
    records = {key: record for key, (record, _) in there.items() if record is not None}
    waiting = progress_note(suite, runs, records)
    # Of runs that are not there one line tells, of each of the others its own.
    logs = loss_logs([run for run in runs if there[run.key] != (None, None)], store)
    for line in (*filter(None, [waiting]), *logs.skipped, *logs.broken):
        say("\n".join(wrapped(line, hanging="  ")))
    table = suite_table(suite, runs, records, metric=options.metric)
    results = SuiteResults(
        suite=suite, runs=runs, records=records, table=table, observed=logs.observed
    )
    folder = options.write or Path(f"{suite_file_name(suite)}-{FOLDER}")
    written = _written(results, folder, options)
    if not written:
        raise InputError(
            f"{suite.name}: no run of it in {store.root} has anything to draw. Train them with "
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


def _written(results: SuiteResults, folder: Path, options: Options) -> list[Path]:
    """Write every figure; returns the files."""
    part, written = part_file_name(results.suite), []
    for picture in pictures(results, options.format):
        metric = f"-{options.metric}" if picture.name in _OF_THE_METRIC else ""
        for kind, content in picture.contents.items():
            written.append(folder / f"{picture.name}{metric}{part}.{kind}")
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
