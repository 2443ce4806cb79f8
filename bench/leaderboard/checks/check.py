"""A check of a bundle: one statement, and what came of holding the bundle against it."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

State: TypeAlias = Literal["holds", "fails", "unchecked", "claimed", "remark"]
_CHECKSUM = re.compile("[0-9a-f]{64}")
_MOST_NAMED = 5
_LONGEST = 60
_LONGEST_REASON = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """What came of a check.

    Attributes:
        id: family and name, as `noise.manifest`.
        state: "unchecked": what it needs is not there; "claimed": nothing can prove it; "remark":
            true, and to be known.
        what: what is held against what.
        detail: what was found; empty where it holds.
        run: the key of the run that it is of.
    """

    id: str
    state: State
    what: str
    detail: str = ""
    run: str | None = None


def held(name: str, what: str, problem: str | None, run: str | None = None) -> Check:
    """A check that fails for a reason, or holds if there is none."""
    if problem is None:
        return Check(id=name, state="holds", what=what, run=run)
    detail = _in_a_line(problem) or "no reason was given"
    return Check(id=name, state="fails", what=what, detail=detail, run=run)


def equal(name: str, what: str, stated: Any, found: Any, run: str | None = None) -> Check:
    """A check that two values are one."""
    same = type(stated) is type(found) and stated == found
    problem = None if same else f"stated {shown(stated)}, found {shown(found)}"
    return held(name, what, problem, run)


def differing(stated: Any, found: Any) -> str | None:
    """The first places in which two JSON values differ, in one line; None if they are equal.

    True is not 1, but 1 is 1.0, as in a record's key.
    """
    places = list(_differences(stated, found, ""))
    if not places:
        return None
    more = f"; and {len(places) - _MOST_NAMED} more" if len(places) > _MOST_NAMED else ""
    return "; ".join(places[:_MOST_NAMED]) + more


def shown(value: Any) -> str:
    """A value of strangers', short and on one line."""
    text = ascii(value) if not isinstance(value, str) else ascii(value)[1:-1]
    if _CHECKSUM.fullmatch(text):
        return f"{text[:12]}…"
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def named(names: Iterable[Any]) -> str:
    """Some names, the first few of them."""
    some = [shown(name) for name in names]
    more = f" and {len(some) - _MOST_NAMED} more" if len(some) > _MOST_NAMED else ""
    return ", ".join(some[:_MOST_NAMED]) + more


def _in_a_line(text: str) -> str:
    """A reason that may quote strangers: nothing in it moves a terminal's cursor or turns text."""
    plain = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text[: 2 * _LONGEST_REASON])
    return plain if len(plain) <= _LONGEST_REASON else f"{plain[:_LONGEST_REASON]}…"


def _differences(stated: Any, found: Any, place: str) -> Iterator[str]:
    if isinstance(stated, Mapping) and isinstance(found, Mapping):
        for key in sorted(stated.keys() | found.keys(), key=str):
            inside = f"{place}.{shown(key)}" if place else shown(key)
            if key not in found or key not in stated:
                there = f"stated {shown(stated[key])}" if key in stated else "not stated"
                other = f"wanted {shown(found[key])}" if key in found else "not wanted"
                yield f"{inside}: {there}, {other}"
            else:
                yield from _differences(stated[key], found[key], inside)
    elif isinstance(stated, list) and isinstance(found, list) and len(stated) == len(found):
        for index, (one, other) in enumerate(zip(stated, found, strict=True)):
            yield from _differences(one, other, f"{place}[{index}]")
    elif isinstance(stated, bool) != isinstance(found, bool) or stated != found:
        where = f"{place}: " if place else ""
        yield f"{where}stated {shown(stated)}, wanted {shown(found)}"
