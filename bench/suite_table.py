"""A suite's runs as a table, in the suite's order and beside the paper's numbers."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from noisyseg.bench.grid import Run
from noisyseg.bench.suite import Suite
from noisyseg.files import write_atomically
from noisyseg.results.metrics import DEFAULT, METRICS, check_metric
from noisyseg.results.published import published_table
from noisyseg.results.record import Record
from noisyseg.results.store import RunStore
from noisyseg.results.table import TableEntry, summarise
from noisyseg.results.table_formats import ENDINGS, Table, render, table_of


def suite_table(
    suite: Suite, runs: Sequence[Run], records: Mapping[str, Record], *, metric: str = DEFAULT
) -> Table:
    """The table of a suite's runs.

    Args:
        suite: whose labels and notes it has.
        runs: of the suite, done or not.
        records: those that there are, by key.
        metric: one of `METRICS`.

    Raises:
        InputError: no such metric.
    """
    entries = [
        TableEntry(run.method_label, run.noise_label, run.seed, records.get(run.key))
        for run in runs
    ]
    return table_of(
        summarise(
            entries,
            methods=list(suite.methods),
            noises=list(suite.noise),
            metric=check_metric(metric),
        ),
        title=suite_title(suite),
        metric=metric,
        value_name=METRICS[metric],
        notes=suite.notes,
        published=None if suite.published is None else published_table(suite.published),
    )


def write_table(suite: Suite, table: Table, kind: str, store: RunStore) -> tuple[str, Path]:
    """Write a table into the store; returns its text and the file."""
    metric = table.cells["metric"].iloc[0]
    name = suite_file_name(suite) + ("" if metric == DEFAULT else f"-{metric}")
    text, path = render(table, kind), store.root / "tables" / f"{name}.{ENDINGS[kind]}"
    write_atomically(path, text.encode())
    return text, path


def suite_title(suite: Suite) -> str:
    """What a suite's results are headed by."""
    return suite.title if suite.variant is None else f"{suite.title} ({suite.variant})"


def suite_file_name(suite: Suite) -> str:
    """What the files of a suite's results are called, without their ending."""
    return suite.name if suite.variant is None else f"{suite.name}-{suite.variant}"
