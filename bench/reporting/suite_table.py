"""A suite's runs as a table, in the suite's order and beside the paper's numbers."""

import math
from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path

from noisyseg.bench.config.suite import Suite
from noisyseg.bench.reporting.noise_counts import noise_counts
from noisyseg.bench.reporting.power_remarks import caption_remark, seeds_note
from noisyseg.bench.reporting.suite_power import suite_power
from noisyseg.bench.runs.run import Run
from noisyseg.errors import unknown_name
from noisyseg.files import write_atomically
from noisyseg.results.paper.published import published_table
from noisyseg.results.records.metrics import DEFAULT, METRICS, metric_value
from noisyseg.results.records.record import Record
from noisyseg.results.records.store import RunStore, is_done
from noisyseg.results.statistics.derived import (
    DERIVED,
    RELATIVE,
    TOUCHED,
    mean_over_classes,
    relative,
)
from noisyseg.results.tables.formats import ENDINGS, Table, render, table_of
from noisyseg.results.tables.table import TableEntry, summarise, summarise_values


def suite_table(
    suite: Suite, runs: Sequence[Run], records: Mapping[str, Record], *, metric: str = DEFAULT
) -> Table:
    """The table of a suite's runs.

    Args:
        suite: whose labels and notes it has.
        runs: of the suite, done or not.
        records: those that there are, by key.
        metric: one of `METRICS` or `DERIVED`.

    Raises:
        InputError: no such metric.
    """
    known = {**METRICS, **DERIVED}
    if metric not in known:
        raise unknown_name("metric", metric, known)
    labels = {"methods": list(suite.methods), "noises": list(suite.noise)}
    notes, remark = list(suite.notes), ""
    if metric in METRICS:
        power = suite_power(runs, records, metric=metric)
        note, remark = seeds_note(power), caption_remark(power)
        notes += [note] if note else []
    if metric in DERIVED:
        summary = summarise_values(_derived(runs, records, metric), **labels)
    else:
        entries = [
            TableEntry(run.method_label, run.noise_label, run.seeds, records.get(run.key))
            for run in runs
        ]
        summary = summarise(entries, **labels, metric=metric)
    return table_of(
        summary,
        title=suite_title(suite),
        metric=metric,
        value_name=known[metric],
        notes=notes,
        remark=remark,
        published=None if suite.published is None else published_table(suite.published),
    )


def _derived(
    runs: Sequence[Run], records: Mapping[str, Record], metric: str
) -> dict[tuple[str, str], dict[Hashable, tuple[str, float]]]:
    """(method, noise) → seed → state and value, of the runs that have a record."""
    clean = {
        (run.method_label, run.seed): _average(records.get(run.key))
        for run in runs
        if run.spec["noise"] is None
    }
    cells: dict[tuple[str, str], dict[Hashable, tuple[str, float]]] = {}
    for run in runs:
        record = records.get(run.key)
        if record is None:
            continue
        value = math.nan
        if metric == RELATIVE:
            value = relative(_average(record), clean.get((run.method_label, run.seed)))
        elif is_done(record) and (counts := noise_counts(run)) is not None:
            # The run's own noise, not its setting's: another seed may touch other classes.
            names = set(run.spec["data"]["classes"])
            chosen = names & counts.touched if metric == TOUCHED else names - counts.touched
            value = mean_over_classes(record["metrics"].get("per_class", {}), chosen)
        outcome = (record["status"], value)
        cells.setdefault((run.method_label, run.noise_label), {})[run.seeds] = outcome
    return cells


def _average(record: Record | None) -> float | None:
    return metric_value(record["metrics"], DEFAULT) if record and is_done(record) else None


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
