"""Files for users, filled in from a template: text, nothing of which is escaped."""

from pathlib import Path
from typing import Any


def filled(template: Path, **values: Any) -> str:
    """The template's text with its values; one that it asks for and is not given is an error."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(template.parent),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(template.name).render(values)
