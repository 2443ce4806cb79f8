"""Checks of what a contract demands of code that may be anyone's own."""

import textwrap
import traceback
from collections.abc import Callable
from dataclasses import dataclass

from noisyseg.errors import InputError

_LONGEST = 400  # characters of an error's text


class BrokenError(Exception):
    """What a check found to be otherwise than it must be."""


@dataclass(kw_only=True, slots=True, frozen=True)
class Check:
    """What one check found.

    Attributes:
        name: what was tried.
        passed: whether it is as it must be.
        detail: if not, what was wanted and what came; else a figure, if one was measured.
    """

    name: str
    passed: bool
    detail: str


def require(condition: object, problem: str) -> None:
    """Name the problem unless the condition holds."""
    if not condition:
        raise BrokenError(problem)


def tried(name: str, check: Callable[[], str | None], file: str | None) -> Check:
    """What a check finds; whatever the code under it raises is a check that failed.

    Args:
        name: of the check.
        check: gives a figure or None; raises `BrokenError` for what is broken.
        file: where the code is from, to name the line of it that raised.
    """
    try:
        return Check(name=name, passed=True, detail=check() or "")
    except BrokenError as broken:
        return Check(name=name, passed=False, detail=str(broken))
    except InputError as error:
        return Check(name=name, passed=False, detail=str(error))
    except (Exception, SystemExit) as error:  # noqa: BLE001 (a stranger's code raises anything)
        return Check(name=name, passed=False, detail=_raised(error, file))


def _raised(error: BaseException, file: str | None) -> str:
    """The error and the line that raised it, of the code's own file if it came by there."""
    frames = traceback.extract_tb(error.__traceback__)
    frame = next((frame for frame in reversed(frames) if frame.filename == file), frames[-1])
    return f"raised {type(error).__name__}: {_text(error)} ({frame.filename}, line {frame.lineno})"


def _text(error: BaseException) -> str:
    """What an error says, in one short line; a stranger's may fail at saying it."""
    try:
        text = str(error)
    except Exception as other:  # noqa: BLE001 (a stranger's code raises anything)
        return f"no text, for that raised {type(other).__name__}"
    return textwrap.shorten(text, _LONGEST, placeholder=" …")
