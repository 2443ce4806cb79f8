"""Text in lines that a terminal shows whole."""

import textwrap

COLUMNS = 100


def wrapped(text: str, *, indent: str = "", hanging: str | None = None) -> list[str]:
    """Lines of at most `COLUMNS` characters, broken between words alone: a path stays whole.

    Args:
        text: one paragraph.
        indent: before the first line.
        hanging: before the others; as the first by default.
    """
    return textwrap.wrap(
        text,
        COLUMNS,
        initial_indent=indent,
        subsequent_indent=indent if hanging is None else hanging,
        break_long_words=False,
        break_on_hyphens=False,
    )


def with_path(text: str, path: object) -> str:
    """A sentence that ends with a path, which gets a line of its own where both don't fit one."""
    together = f"{text} {path}"
    return together if len(together) <= COLUMNS else f"{text}\n  {path}"


def printable(text: str) -> str:
    """Text without what moves a terminal's cursor or colours it."""
    return "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text
    )
