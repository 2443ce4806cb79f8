"""A suite's runs as a table, in the suite's order and beside the paper's numbers."""

import re
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
from noisyseg.results.paper.published import PublishedTable, published_table
from noisyseg.results.records.metrics import DEFAULT
from noisyseg.results.records.record import Record
from noisyseg.results.records.store import RunStore
from noisyseg.results.statistics.fates import more_is_better
from noisyseg.results.tables.formats import ENDINGS, render
from noisyseg.results.tables.shown_table import Table, beside, table_of
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
    published = None if suite.published is None else published_table(suite.published)
    table = table_of(
        summarise(values, methods=list(suite.methods), noises=list(suite.noise)),
        title=suite_title(suite),
        metric=metric,
        value_name=ALL_METRICS[metric],
        notes=[*suite.notes, *_paper_notes(published, metric), *([note] if note else [])],
        remark=caption_remark(power),
        published=published,
    )
    marks = standings(telling) if more_is_better(metric) else {}
    return replace(
        table,
        groups=column_groups(runs),
        standings={(*cell, metric): mark for cell, mark in marks.items()},
    )


def _paper_notes(published: PublishedTable | None, metric: str) -> Sequence[str]:
    """What a reader of the paper's numbers must know, where some stand beside this metric's."""
    if published is None or all(metric != shown for _, _, shown in published.cells):
        return ()
    return published.notes


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


def write_table(suite: Suite, table: Table, store: RunStore) -> Path:
    """Leave the whole suite's table in its store, as Markdown; returns the file."""
    path = store.root / "tables" / f"{suite_file_name(suite)}.{ENDINGS['md']}"
    write_atomically(path, render(table, "md").encode())
    return path


def suite_title(suite: Suite) -> str:
    """What a suite's results are headed by; it says what was left out, and which seeds alone."""
    title = suite.title if suite.variant is None else f"{suite.title} ({suite.variant})"
    part = suite.part
    told = [", ".join(getattr(part, kind)) + " alone" for kind in part.narrowed]
    if part.seeds is not None:
        told.append(f"seed{'s' if len(part.seeds) > 1 else ''} {', '.join(part.seeds)}")
    return f"{title} ({'; '.join(told)})" if told else title


def suite_file_name(suite: Suite) -> str:
    """What the files of a suite's results are called, without their ending."""
    return suite.name if suite.variant is None else f"{suite.name}-{suite.variant}"


def part_file_name(suite: Suite) -> str:
    """What is chosen of a suite, as file names say it: `-sym40-seeds-0+1`; empty for the whole."""
    part = suite.part
    groups = [part.methods, part.noise, part.seeds and ("seeds-" + part.seeds[0], *part.seeds[1:])]
    name = "".join(f"-{'+'.join(group)}" for group in groups if group)
    name = re.sub(r"[^\w.+-]+", "_", name)
    if len(name) > _LONGEST:  # file systems take 255 bytes
        name = f"{name[:_LONGEST]}-{sha256_bytes(name.encode())[:8]}"
    return name
