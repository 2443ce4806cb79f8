"""`noisyseg report`: a suite's results as one self-contained HTML page."""

import argparse
from dataclasses import dataclass

from noisyseg.bench.cli.output import DONE, say
from noisyseg.bench.cli.suite_choice import SuiteChoice, add_suite_choice
from noisyseg.bench.cli.suite_runs import foreseen, known_records
from noisyseg.bench.reporting.loss_logs import loss_logs
from noisyseg.bench.reporting.suite_page import suite_page
from noisyseg.bench.reporting.suite_results import SuiteResults
from noisyseg.bench.reporting.suite_table import suite_file_name, suite_table
from noisyseg.bench.runs.left_out import left_out
from noisyseg.files import write_atomically
from noisyseg.results.report.suite_report import render_report

EXAMPLE = "noisyseg report quick"


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What is asked for."""

    choice: SuiteChoice


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    add_suite_choice(parser)


def run(options: Options) -> int:
    """Write the page of a suite, from the records that there are."""
    suite, runs, store = foreseen(options.choice, writes=True)
    for line in left_out(runs, store):
        say(line)
    records = known_records(runs, store)
    results = SuiteResults(
        suite=suite,
        runs=runs,
        records=records,
        table=suite_table(suite, runs, records),
        observed=loss_logs(runs, store).observed,
    )
    path = store.root / "reports" / f"{suite_file_name(suite)}.html"
    write_atomically(path, render_report(suite_page(results)).encode())
    say(f"report written to {path}")
    return DONE
