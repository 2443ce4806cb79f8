"""A suite's match with the paper: every published number against a run's interval."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from noisyseg.bench.config.suite import Suite
from noisyseg.bench.reporting.suite_table import suite_table, suite_title
from noisyseg.bench.runs.run import Run
from noisyseg.errors import InputError
from noisyseg.results.paper.published import PublishedTable, published_table
from noisyseg.results.records.record import Record
from noisyseg.results.tables.match import INTERVAL, counts, match


def suite_match(suite: Suite, runs: Sequence[Run], records: Mapping[str, Record]) -> dict[str, Any]:
    """A suite's match with the paper, as data.

    Raises:
        InputError: a suite that stands beside no table of the paper's.
    """
    if suite.published is None:
        raise InputError(
            f"{suite.file}: the suite stands beside no table of the paper's. Those that do say so: "
            "published: table1 (to table4)."
        )
    published = published_table(suite.published)
    metrics = list(dict.fromkeys(metric for _, _, metric in published.cells))
    tables = [suite_table(suite, runs, records, metric=metric) for metric in metrics]
    differences = _differences(published, runs)
    found = match(tables, published, differences=differences)
    return {
        "suite": suite.name,
        "title": suite_title(suite),
        "paper": published.title,
        "protocol": _protocol(suite, runs),
        "not_comparable": differences,
        "interval": INTERVAL,
        "paper_notes": list(published.notes),
        "notes": suite.notes,
        "counts": counts(found),
        "cells": [asdict(entry) for entry in found],
    }


def _differences(published: PublishedTable, runs: Sequence[Run]) -> list[str]:
    """Why ours is of something else than the paper's, whatever the interval."""
    found = [] if published.not_comparable is None else [published.not_comparable]
    names = {run.spec["data"]["name"] for run in runs}
    found += [
        f"The data set {name} has fewer images than the official number."
        for name in sorted(names)
        if name.endswith("-partial")
    ]
    return found


def _protocol(suite: Suite, runs: Sequence[Run]) -> dict[str, Any]:
    """What the numbers were measured with: legacy is close to the paper's mmdet, mmdet3 is not."""
    return {
        "variant": suite.variant,
        "protocol": suite.protocol["name"],
        "model": suite.model.name,
        "data": sorted({run.spec["data"]["name"] for run in runs}),
        "seeds": list(dict.fromkeys(run.seed_label for run in runs)),
    }
