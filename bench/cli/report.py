"""`noisyseg report`: a suite's results as one self-contained HTML page."""

import argparse
from dataclasses import dataclass
from pathlib import Path

from noisyseg.bench.cli.output import DONE, say
from noisyseg.bench.cli.suite_choice import SuiteChoice, add_recorded_choice
from noisyseg.bench.cli.suite_runs import foreseen, known_records
from noisyseg.bench.reporting.loss_logs import loss_logs
from noisyseg.bench.reporting.suite_page import suite_page
from noisyseg.bench.reporting.suite_progress import progress_note
from noisyseg.bench.reporting.suite_results import SuiteResults
from noisyseg.bench.reporting.suite_table import part_file_name, suite_file_name, suite_table
from noisyseg.files import write_atomically
from noisyseg.results.report.suite_report import render_report
from noisyseg.text_lines import with_path

EXAMPLE = "noisyseg report quick"


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What is asked for.

    Attributes:
        write: the page's file; None: one in the working folder, named after the suite.
    """

    choice: SuiteChoice
    write: Path | None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    add_recorded_choice(parser)
    parser.add_argument(
        "--write",
        type=Path,
        metavar="FILE",
        help="where the page goes (default: SUITE.html in the working folder)",
    )


def run(options: Options) -> int:
    """Write the page of a suite, from the records that there are."""
    suite, runs, store = foreseen(options.choice)
    records = known_records(runs, store)
    results = SuiteResults(
        suite=suite,
        runs=runs,
        records=records,
        table=suite_table(suite, runs, records),
        observed=loss_logs(runs, store).observed,
    )
    waiting = progress_note(suite, runs, records)
    if waiting is not None:
        say(waiting)
    path = options.write or Path(f"{suite_file_name(suite)}{part_file_name(suite)}.html")
    write_atomically(path, render_report(suite_page(results)).encode())
    say(with_path("report written to", path))
    return DONE
