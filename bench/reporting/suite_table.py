"""A suite's runs as a table, in the suite's order and beside the paper's numbers."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from noisyseg.bench.config.suite import Suite
from noisyseg.bench.reporting.noise_rates import column_groups
from noisyseg.bench.reporting.power_remarks import caption_remark, seeds_note
from noisyseg.bench.reporting.suite_power import comparable, suite_power
from noisyseg.bench.reporting.suite_values import ALL_METRICS, check_any_metric, suite_values
from noisyseg.bench.runs.run import Run
from noisyseg.errors import InputError
from noisyseg.files import sha256_bytes, write_atomically
from noisyseg.results.paper.published import published_table
from noisyseg.results.records.metrics import DEFAULT
from noisyseg.results.records.record import Record
from noisyseg.results.records.store import RunStore
from noisyseg.results.statistics.fates import more_is_better
from noisyseg.results.tables.formats import ENDINGS, Table, beside, render, table_of
from noisyseg.results.tables.standings import standings
from noisyseg.results.tables.table import summarise

_LONGEST = 100


def suite_table(
    suite: Suite, runs: Sequence[Run], records: Mapping[str, Record], *, metric: str = DEFAULT
) -> Table:
    """The table of a suite's runs.

    Args:
        suite: whose labels and notes it has.
        runs: of the suite, done or not.
        records: those that there are, by key.
        metric: one of `ALL_METRICS`.

    Raises:
        InputError: no such metric.
    """
    check_any_metric(metric)
    values = suite_values(runs, records, metric)
    telling = comparable(values, metric, suite)
    power = suite_power(telling)
    note = seeds_note(power)
    table = table_of(
        summarise(values, methods=list(suite.methods), noises=list(suite.noise)),
        title=suite_title(suite),
        metric=metric,
        value_name=ALL_METRICS[metric],
        notes=[*suite.notes, *([note] if note else [])],
        remark=caption_remark(power),
        published=None if suite.published is None else published_table(suite.published),
    )
    marks = standings(telling) if more_is_better(metric) else {}
    return replace(
        table,
        groups=column_groups(runs),
        standings={(*cell, metric): mark for cell, mark in marks.items()},
    )


def wide_table(
    suite: Suite,
    runs: Sequence[Run],
    records: Mapping[str, Record],
    *,
    metric: str = DEFAULT,
    also: Sequence[str] = (),
) -> Table:
    """The table of a suite's runs with columns of other metrics behind its own.

    Args:
        suite, runs, records, metric: as of `suite_table`.
        also: other metrics, in order.

    Raises:
        InputError: no such metric, or one that is there twice.
    """
    repeated = [name for name, times in Counter([metric, *also]).items() if times > 1]
    if repeated:
        raise InputError(f"--also: {repeated[0]} is asked for twice; name each metric once.")
    own, *others = (suite_table(suite, runs, records, metric=name) for name in [metric, *also])
    plain = [
        replace(other, notes=[n for n in other.notes if n not in suite.notes]) for other in others
    ]
    return beside(own, plain)


def write_table(suite: Suite, table: Table, kind: str, store: RunStore) -> tuple[str, Path]:
    """Write a table into the store; returns its text and the file."""
    metrics = dict.fromkeys(table.cells["metric"])
    more = "".join(f"-{metric}" for metric in metrics if metric != DEFAULT)
    if len(more) > _LONGEST:  # file systems take 255 bytes
        more = f"{more[:_LONGEST]}-{sha256_bytes(more.encode())[:8]}"
    name = f"{suite_file_name(suite)}{more}"
    text, path = render(table, kind), store.root / "tables" / f"{name}.{ENDINGS[kind]}"
    write_atomically(path, text.encode())
    return text, path


def suite_title(suite: Suite) -> str:
    """What a suite's results are headed by."""
    return suite.title if suite.variant is None else f"{suite.title} ({suite.variant})"


def suite_file_name(suite: Suite) -> str:
    """What the files of a suite's results are called, without their ending."""
    return suite.name if suite.variant is None else f"{suite.name}-{suite.variant}"
