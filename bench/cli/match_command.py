"""`match`: the paper's numbers against what a suite's runs measured."""

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from noisyseg.bench.cli.commands import choices, chosen_suite, known_records
from noisyseg.bench.cli.output import DONE, print_text
from noisyseg.bench.config.suite import Suite
from noisyseg.bench.reporting.suite_table import suite_table, suite_title
from noisyseg.bench.runs.grid import Run, check, foresee
from noisyseg.errors import InputError
from noisyseg.results.paper.match import Match, counts, match
from noisyseg.results.paper.published import PublishedTable, published_table
from noisyseg.results.records.record import Record
from noisyseg.results.records.store import RunStore

_HEAD = ("method", "noise", "metric", "paper", "read in", "ours", "95 % interval", "paper's is")


def match_report(arguments: argparse.Namespace) -> int:
    """Print every published cell, what was measured, and where the one lies in the other.

    Raises:
        InputError: a suite that stands beside no table of the paper's.
    """
    suite = chosen_suite(arguments, choices(arguments, download=False))
    store = RunStore(arguments.out)
    runs = foresee(suite, store, *check(suite, store))
    document = suite_match(suite, runs, known_records(runs, store))
    if arguments.json:
        print_text(json.dumps(document, indent=2))
    else:
        print_text(_markdown(document))
    return DONE


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


def _markdown(document: Mapping[str, Any]) -> str:
    protocol = document["protocol"]
    with_what = ", ".join(
        f"{name} {', '.join(map(str, value)) if isinstance(value, list) else value}"
        for name, value in protocol.items()
        if value is not None
    )
    total = ", ".join(f"{count} {name}" for name, count in document["counts"].items())
    lines = [f"## {document['title']}: match with the paper", "", f"Paper: {document['paper']}."]
    lines += [f"Ours: {with_what}.", "", f"Of {len(document['cells'])} cells: {total}.", ""]
    lines.append("| " + " | ".join(_HEAD) + " |")
    lines.append("|:---|:---|:---|---:|:---|---:|:---|:---|")
    lines += [_line(Match(**cell)) for cell in document["cells"]]
    for text in (*document["not_comparable"], *document["notes"]):
        lines += ["", " ".join(text.split())]
    return "\n".join(lines)


def _line(entry: Match) -> str:
    interval = "—" if entry.low is None else f"{entry.low:.1f} to {entry.high:.1f}"
    position = entry.position
    if entry.verdict != position:
        position = f"{position} ({entry.verdict})"
    cells = (
        *(entry.method, entry.noise, entry.metric, _text(entry.published), entry.source),
        *(f"{_text(entry.mean)} (n={entry.n})" if entry.n else "—", interval, position),
    )
    return "| " + " | ".join(cells) + " |"


def _text(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.1f}"
