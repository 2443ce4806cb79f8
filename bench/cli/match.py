"""`noisyseg match`: the paper's numbers against what a suite's runs measured."""

import argparse
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from noisyseg.bench.cli.arguments import add_json
from noisyseg.bench.cli.output import DONE, print_text
from noisyseg.bench.cli.suite_choice import SuiteChoice, add_recorded_choice
from noisyseg.bench.cli.suite_runs import foreseen, known_records
from noisyseg.bench.reporting.suite_match import suite_match
from noisyseg.number_text import decimal
from noisyseg.results.tables.match import Match

EXAMPLE = "noisyseg match paper-table1-voc --data-root ~/data --seeds 0,1,2"
_HEAD = (
    "method",
    "noise",
    "metric",
    "paper",
    "read in",
    "ours",
    "95 % interval of a run",
    "paper's is",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What is asked for."""

    choice: SuiteChoice
    json: bool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    add_recorded_choice(parser)
    add_json(parser)


def run(options: Options) -> int:
    """Print every published cell, what was measured, and whether the one could be such a run.

    Raises:
        InputError: a suite that stands beside no table of the paper's.
    """
    suite, runs, store = foreseen(options.choice)
    document = suite_match(suite, runs, known_records(runs, store))
    print_text(json.dumps(document, indent=2) if options.json else _markdown(document))
    return DONE


def _markdown(document: Mapping[str, Any]) -> str:
    protocol = document["protocol"]
    with_what = ", ".join(
        f"{name} {', '.join(map(str, value)) if isinstance(value, list) else value}"
        for name, value in protocol.items()
        if value not in (None, [])
    )
    total = ", ".join(f"{count} {name}" for name, count in document["counts"].items())
    lines = [f"## {document['title']}: match with the paper", "", f"Paper: {document['paper']}."]
    lines += [
        f"Ours: {with_what}.",
        "",
        f"Of {len(document['cells'])} cells: {total}.",
        "",
        document["interval"],
        "",
    ]
    lines.append("| " + " | ".join(_HEAD) + " |")
    lines.append("|:---|:---|:---|---:|:---|---:|:---|:---|")
    lines += [_line(Match(**cell)) for cell in document["cells"]]
    for text in (*document["not_comparable"], *document["paper_notes"], *document["notes"]):
        lines += ["", " ".join(text.split())]
    return "\n".join(lines)


def _line(entry: Match) -> str:
    ends = (entry.low, entry.high)
    interval = "—" if None in ends else " to ".join(map(_text, ends))
    position = entry.position
    if entry.verdict != position:
        position = f"{position} ({entry.verdict})"
    cells = (
        *(entry.method, entry.noise, entry.metric, _text(entry.published), entry.source),
        *(f"{_text(entry.mean)} (n={entry.n})" if entry.n else "—", interval, position),
    )
    return "| " + " | ".join(cells) + " |"


def _text(value: float | None) -> str:
    return "unknown" if value is None else decimal(value)
