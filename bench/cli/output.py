"""What a command says, and the status that it ends with."""

import sys
from collections.abc import Iterable

DONE, SOME_FAILED, UNUSABLE_INPUT = 0, 1, 2


def print_text(text: str) -> None:
    """What a command is asked for."""
    sys.stdout.write(f"{text}\n")


def say(text: str) -> None:
    """What a person should know beside it."""
    sys.stderr.write(f"{text}\n")


def say_warnings(lines: Iterable[str]) -> None:
    """What is wrong with data or noise, but can be gone on with."""
    for line in lines:
        say(f"warning: {line}")
