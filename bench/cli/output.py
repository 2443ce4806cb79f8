"""What a command says, and the status that it ends with."""

import os
import sys
from collections.abc import Iterable

DONE, SOME_FAILED, UNUSABLE_INPUT = 0, 1, 2


def print_text(text: str) -> None:
    """What a command is asked for."""
    sys.stdout.write(f"{text}\n")


def say(text: str) -> None:
    """What a person should know beside it; where nobody reads any more, it is left out."""
    try:
        sys.stderr.write(f"{text}\n")
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())


def say_warnings(lines: Iterable[str]) -> None:
    """What is wrong with data or noise, but can be gone on with."""
    for line in lines:
        say(f"warning: {line}")
