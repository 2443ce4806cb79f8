"""A suite's results as one HTML page: no network, no script, every picture inside."""

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

_TEMPLATES = Path(__file__).with_name("templates")
NONE = "—"


def render_report(report: Mapping[str, Any]) -> str:
    """The page; all texts in it are escaped but `tables`, which are HTML by `table_formats`.

    Args:
        report: what the template shows (see `bench.report_command`).
    """
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = number
    return environment.get_template("suite_report.html.j2").render(report=report)


def number(value: float | None) -> str:
    """A number with one decimal, a dash for none."""
    return NONE if value is None else f"{value:.1f}".replace("-", "\N{MINUS SIGN}")


def picture(content: bytes) -> str:
    """A PNG as the source of an image."""
    return f"data:image/png;base64,{base64.b64encode(content).decode()}"
