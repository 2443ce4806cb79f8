"""Texts as YAML has them, whatever is in them."""

import re

# What every reader of YAML takes for a text: no mark that means something, no number, no switch.
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_]*(?:[ ./()-]+[A-Za-z0-9_]+)*")
_SWITCHES = {"null", "true", "false", "yes", "no", "on", "off", "y", "n"}


def scalar(text: str) -> str:
    """A text as a key or a value, in quotes where it needs them."""
    return text if _PLAIN.fullmatch(text) and text.lower() not in _SWITCHES else quoted(text)


def path_scalar(text: str) -> str:
    """The same of a path, which may begin with points and slashes."""
    return text if re.fullmatch(r"[A-Za-z0-9_./][A-Za-z0-9_./-]*", text) else quoted(text)


def quoted(text: str) -> str:
    """A text in double quotes, on one line."""
    return '"' + "".join(map(_escaped, text)) + '"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    return character if character.isprintable() else f"\\U{ord(character):08x}"
