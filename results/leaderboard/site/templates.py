"""How the site's templates are filled: every text escaped, addresses of strangers looked at."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from noisyseg.errors import InputError
from noisyseg.results.leaderboard.boards import Row
from noisyseg.results.leaderboard.entry import EntryRun
from noisyseg.results.leaderboard.text import checked_url
from noisyseg.results.leaderboard.wording import MISSING, groups, half, number, place
from noisyseg.results.records.metrics import DEFAULT

_TEMPLATES = Path(__file__).with_name("templates")


def filled(template: str, *, root: str, **content: Any) -> bytes:
    """A page, in UTF-8.

    Args:
        template: name of the file.
        root: what leads from the page to the site's first folder: "", "../" or "../../".
        content: what the template shows.
    """
    return _environment().get_template(template).render(root=root, **content).encode()


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": number,
        "mean": mean,
        "half": half,
        "address": address,
        "checksums": checksums,
        "place": place,
        "groups": groups,
        "plain": plain,
        "megabytes": megabytes,
        "year": year,
    }
    return environment


def mean(row: Row, metric: str = DEFAULT) -> str:
    """A metric's mean over a row's runs."""
    return number(row.numbers[metric].mean) if metric in row.numbers else MISSING


def address(text: object) -> str | None:
    """An address that a link may lead to; None for any other text."""
    try:
        return checked_url(text, "address")
    except InputError:
        return None


def plain(value: object) -> str:
    """A parameter's value, as a suite has it."""
    return json.dumps(value, ensure_ascii=False)


def megabytes(size: int) -> str:
    """A file's size."""
    return f"{size / 1e6:.1f} MB"


def checksums(run: EntryRun) -> str:
    """The hashes of a run's files."""
    known = [(name, value) for name, value in run.checksums.items() if value is not None]
    return "; ".join(f"{name.replace('_', ' ')} {value}" for name, value in known)


def year(row_or_entry: Any) -> str:
    """Of the paper, else of the entry."""
    entry = row_or_entry.entry if isinstance(row_or_entry, Row) else row_or_entry
    paper = entry.card.get("paper")
    return str(paper.get("year") if isinstance(paper, dict) else entry.date[:4])
