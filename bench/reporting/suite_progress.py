"""How much of a suite is done, and which of its cells wait."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from noisyseg.bench.config.suite import Suite
from noisyseg.bench.runs.run import Run
from noisyseg.results.records.record import Record
from noisyseg.results.tables.shown_table import Table

_NAMED = 4


def progress_note(suite: Suite, runs: Sequence[Run], records: Mapping[str, Record]) -> str | None:
    """What of a suite is not run yet, in a sentence; None if all runs have ended.

    Args:
        suite: the part that is told of.
        runs: of it, done or not; none where the store has no run of it, so that no key is known.
        records: those that there are, by key, of failed runs too.
    """
    cells = [(method, noise) for method in suite.methods for noise in suite.noise]
    seeds: dict[tuple[str, str], list[str]] = {}
    if runs:
        ended = {run.key for run in runs if run.key in records}
        total = len({run.key for run in runs})
        for run in runs:
            if run.key not in ended:
                cell = seeds.setdefault((run.method_label, run.noise_label), [])
                cell.append(str(run.seed_label))
    else:
        ended, total = set(), _count(suite)
        seeds = {cell: ["every seed"] for cell in cells}
    if not seeds:
        return None
    done = sum(records[key]["status"] == "done" for key in ended)
    failed = f", {len(ended) - done} failed" if len(ended) > done else ""
    return f"{done} of {total} runs done{failed}; waiting: {_waiting(seeds, suite)}."


def with_progress(
    table: Table, suite: Suite, runs: Sequence[Run], records: Mapping[str, Record]
) -> Table:
    """A table that says below what of its suite is not run yet, if anything is."""
    note = progress_note(suite, runs, records)
    return table if note is None else replace(table, notes=[*table.notes, note])


def _count(suite: Suite) -> int:
    clean = sum(steps is None for steps in suite.noise.values())
    trained = len({pair.train for pair in suite.seeds})
    noisy = (len(suite.noise) - clean) * len(suite.seeds)
    return len(suite.methods) * (clean * trained + noisy)


def _waiting(seeds: Mapping[tuple[str, str], Sequence[str]], suite: Suite) -> str:
    """Cells that lack the same seeds together."""
    alike: dict[tuple[str, ...], list[tuple[str, str]]] = {}
    for cell, own in seeds.items():
        alike.setdefault(tuple(own), []).append(cell)
    return "; ".join(f"{_cells(cells, suite)}{_at(own)}" for own, cells in alike.items())


def _cells(cells: Sequence[tuple[str, str]], suite: Suite) -> str:
    if len(cells) == len(suite.methods) * len(suite.noise):
        return "every cell"
    methods = list(dict.fromkeys(method for method, _ in cells))
    whole = [m for m in methods if sum(m == method for method, _ in cells) == len(suite.noise)]
    names = [*whole, *(f"{method} · {noise}" for method, noise in cells if method not in whole)]
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _at(seeds: Sequence[str]) -> str:
    if seeds == ("every seed",):
        return ""
    return f" at seed{'s' if len(seeds) > 1 else ''} {', '.join(seeds)}"
