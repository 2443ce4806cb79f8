"""What a check of the machine found, and checks that end well whatever they meet."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from noisyseg.opencv_build import MEND, wants_window_system

Level: TypeAlias = Literal["ok", "warning", "problem"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        name: of what was looked at, in a word or two.
        level: `problem`: runs will fail, or their results be lost; `warning`: they may, or be slow.
        text: what it is like, one sentence.
        mend: the command that mends it; empty where all is well.
        node: of a cluster, on which it was found; empty for this machine.
    """

    name: str
    level: Level
    text: str
    mend: str = ""
    node: str = ""


Check: TypeAlias = Callable[[], Iterable[Finding]]


def ok(name: str, text: str) -> Finding:
    """All is well."""
    return Finding(name=name, level="ok", text=text)


def warning(name: str, text: str, mend: str) -> Finding:
    """It can be gone on with."""
    return Finding(name=name, level="warning", text=text, mend=mend)


def problem(name: str, text: str, mend: str) -> Finding:
    """It is to be mended first."""
    return Finding(name=name, level="problem", text=text, mend=mend)


def examined(name: str, check: Check) -> list[Finding]:
    """What a check finds; where it fails itself, that.

    Args:
        name: of the check.
        check: called once.
    """
    found: list[Finding] = []
    try:
        found.extend(check())
    except Exception as error:  # noqa: BLE001 (a broken machine breaks checks; the others go on)
        reason = " ".join(str(error).split()) or "no reason given"
        text = f"could not be looked at: {type(error).__name__}: {reason}"
        found.append(problem(name, text, _mend_of(error)))
    return found


def _mend_of(error: Exception) -> str:
    if isinstance(error, ImportError) and wants_window_system(error):
        return MEND
    return "report this line to noisyseg's developers"
