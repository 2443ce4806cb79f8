"""A suite's results as one HTML page: no network, no script, every picture inside."""

from collections.abc import Mapping
from typing import Any

from noisyseg.number_text import decimal
from noisyseg.results.report.page import NONE, filled


def render_report(report: Mapping[str, Any]) -> str:
    """The page; all texts in it are escaped but `tables`, which are HTML by `tables.formats`.

    Args:
        report: what the template shows (see `bench.reporting.suite_page`).
    """
    return filled("suite_report.html.j2", {"number": number}, report=report)


def number(value: float | None) -> str:
    """A number with one decimal, a dash for none."""
    return NONE if value is None else decimal(value)
