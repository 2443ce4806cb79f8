"""What HTML pages have in common: how templates are filled, and pictures inside the page."""

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

_TEMPLATES = Path(__file__).with_name("templates")
NONE = "—"


def filled(template: str, filters: dict[str, Callable[..., str]], **content: Any) -> str:
    """A template of this folder with its content; all texts in it are escaped.

    Args:
        template: name of the file.
        filters: that the template calls, by name.
        content: what the template shows.
    """
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(filters)
    return environment.get_template(template).render(**content)


def picture(content: bytes) -> str:
    """A PNG as the source of an image."""
    return f"data:image/png;base64,{base64.b64encode(content).decode()}"
