"""The comparison over seeds and images on a suite's page, from the matches that its runs left."""

from collections.abc import Mapping, Sequence
from typing import Any

from noisyseg.bench.config.suite import Suite
from noisyseg.bench.reporting.comparison import Bootstrap, comparison, enough_draws
from noisyseg.bench.reporting.comparison_page import (
    cells,
    columns,
    how_compared,
    notes,
    runs_of,
    what_columns_are,
)
from noisyseg.bench.runs.run import MATCHES, Run
from noisyseg.errors import InputError
from noisyseg.results.records.record import Record
from noisyseg.results.records.store import is_done

_DRAWS = 1000
"""Of images, where p is by Student's t over seeds."""


def page_comparison(
    suite: Suite, runs: Sequence[Run], records: Mapping[str, Record]
) -> dict[str, Any] | None:
    """Each method against the suite's first, as `noisyseg compare` has it; None of fewer than two.

    Settings whose runs have left no matches are named instead: making them takes predictions and
    annotations, and long.
    """
    baseline = next(iter(suite.methods))
    done = [run for run in runs if is_done(records.get(run.key))]
    if len({run.method_label for run in done}) < 2:
        return None
    chosen = []
    silent: dict[tuple[int, int], list[str]] = {}
    for noise in dict.fromkeys(run.noise_label for run in done):
        own = [run for run in done if run.noise_label == noise]
        lacking = sum(not _has_matches(run, records[run.key]) for run in own)
        if lacking:
            silent.setdefault((lacking, len(own)), []).append(noise)
        else:
            chosen += own
    remarks = [
        f"Not compared here: {', '.join(noises)}, where {lacking} of {of} runs have no {MATCHES}; "
        "noisyseg compare makes matches from predictions and annotations."
        for (lacking, of), noises in silent.items()
    ]
    try:
        bootstrap = Bootstrap(baseline=baseline, draws=_draws(chosen), seed=0)
        found = comparison(chosen, records, bootstrap, tell=remarks.append)
    except InputError as error:
        found, remarks = [], [*remarks, f"nothing was compared: {error}"]
    groups = [{"name": setting.noise, **setting.document()} for setting in found]
    ways = list(dict.fromkeys(map(how_compared, groups)))
    return {
        "baseline": baseline,
        "how": " ".join([*(ways if len(ways) == 1 else []), what_columns_are(baseline)]),
        "columns": columns(baseline),
        "settings": [
            {
                "name": group["name"],
                "of": runs_of(group),
                "how": how_compared(group) if len(ways) > 1 else None,
                "rows": [cells(row, group["comparisons"], baseline) for row in group["methods"]],
                "notes": notes(group),
            }
            for group in groups
        ],
        "remarks": remarks,
    }


def _has_matches(run: Run, record: Record) -> bool:
    return record["checksums"].get("matches") is not None and (run.folder / MATCHES).is_file()


def _draws(runs: Sequence[Run]) -> int:
    """More where a method has one seed, whose p is by the draws alone."""
    methods: dict[tuple[str, str], set[Any]] = {}
    for run in runs:
        methods.setdefault((run.noise_label, run.method_label), set()).add(run.seeds)
    if all(len(seeds) > 1 for seeds in methods.values()):
        return _DRAWS
    return enough_draws(len({method for _, method in methods}))
