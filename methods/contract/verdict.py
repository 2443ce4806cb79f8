"""The contract of a method, tried on small batches: what holds for every loss to train with.

A method may be anyone's code: what it raises is a check that failed, with the line that raised.
"""

import sys
import textwrap
import traceback
from collections.abc import Callable
from dataclasses import dataclass

from noisyseg.methods.contract.checks import CHECKS
from noisyseg.methods.contract.demands import BrokenError
from noisyseg.methods.method import ResolvedMethod

_LONGEST = 400  # characters of an error's text


@dataclass(kw_only=True, slots=True, frozen=True)
class Check:
    """What one check found.

    Attributes:
        name: what was tried.
        passed: whether the method does as it must.
        detail: if not, what was wanted and what came; else a figure, if one was measured.
    """

    name: str
    passed: bool
    detail: str


def check_contract(method: ResolvedMethod) -> list[Check]:
    """Try everything that a method must do, each check with fresh instances.

    Args:
        method: with the parameters that it is to be tried with.

    Returns:
        The checks, in a fixed order; the first alone if it fails, for it is that there is a loss,
        and the others would have nothing to look at.
    """
    (name, check), *others = CHECKS.items()
    first = _tried(name, check, method)
    if not first.passed:
        return [first]
    return [first, *(_tried(name, check, method) for name, check in others)]


def _tried(
    name: str, check: Callable[[ResolvedMethod], str | None], method: ResolvedMethod
) -> Check:
    try:
        return Check(name=name, passed=True, detail=check(method) or "")
    except BrokenError as broken:
        return Check(name=name, passed=False, detail=str(broken))
    except (Exception, SystemExit) as error:  # noqa: BLE001 (a stranger's code raises anything)
        return Check(name=name, passed=False, detail=_raised(error, method))


def _raised(error: BaseException, method: ResolvedMethod) -> str:
    """The error and the line that raised it, of the method's own file if it came by there."""
    frames = traceback.extract_tb(error.__traceback__)
    file = _file(method)
    frame = next((frame for frame in reversed(frames) if frame.filename == file), frames[-1])
    return f"raised {type(error).__name__}: {_text(error)} ({frame.filename}, line {frame.lineno})"


def _text(error: BaseException) -> str:
    """What an error says, in one short line; a stranger's may fail at saying it."""
    try:
        text = str(error)
    except Exception as other:  # noqa: BLE001 (a stranger's code raises anything)
        return f"no text, for that raised {type(other).__name__}"
    return textwrap.shorten(text, _LONGEST, placeholder=" …")


def _file(method: ResolvedMethod) -> str | None:
    module = sys.modules.get(method.method.load().__module__)
    return getattr(module, "__file__", None)
