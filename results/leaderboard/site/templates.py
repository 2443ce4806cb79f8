"""How the site's templates are filled: every text escaped, addresses of strangers looked at."""

import re
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from noisyseg.number_text import decimal
from noisyseg.results.leaderboard.boards import Row
from noisyseg.results.records.metrics import DEFAULT

_TEMPLATES = Path(__file__).with_name("templates")
NONE = "—"
_ADDRESS = re.compile(r"https?://[A-Za-z0-9.-]+(:\d{1,5})?(/[!#-;=?-\[\]_a-z~]*)?")
_LONGEST = 500


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
        "place": place,
        "year": year,
    }
    return environment


def number(value: float | None) -> str:
    """A number with one decimal, a dash for none."""
    return NONE if value is None else decimal(value)


def mean(row: Row, metric: str = DEFAULT) -> str:
    """A metric's mean over a row's runs."""
    return number(row.numbers[metric].mean) if metric in row.numbers else NONE


def half(row: Row) -> str:
    """Half the width of the 95 % interval of mask AP."""
    told = row.numbers.get(DEFAULT)
    return number(None if told is None or told.high is None else told.high - told.mean)


def place(row: Row) -> str:
    """A row's rank with its interval: 2 (1–4)."""
    if row.standing is None:
        return NONE
    rank, low, high, _ = row.standing
    shown = f"{rank:g}"
    return shown if low == high == rank else f"{shown} ({low}–{high})"


def address(text: object) -> str | None:
    """An address that a link may lead to: http or https, a host, nothing that needs escaping."""
    known = isinstance(text, str) and len(text) <= _LONGEST and _ADDRESS.fullmatch(text)
    return str(text) if known else None


def year(row_or_entry: Any) -> str:
    """Of the paper, else of the entry."""
    entry = row_or_entry.entry if isinstance(row_or_entry, Row) else row_or_entry
    paper = entry.card.get("paper")
    return str(paper.get("year") if isinstance(paper, dict) else entry.date[:4])
