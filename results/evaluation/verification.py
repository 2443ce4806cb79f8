"""What a record says, held against what was found: every difference by its path. Pure functions."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from noisyseg.results.evaluation.settings import TOLERANCE

ABSENT = "absent"
"""In the place of a value that one side has not."""
PERCENT_TOLERANCE = 100 * TOLERANCE
"""Of numbers in percent: what another processor's last bits may change."""

Path: TypeAlias = tuple[str | int, ...]
"""Keys and places in lists, from `metrics` on."""

_TOOLS: tuple[Path, ...] = (("tool",), ("verified", "tool"))
_MISLEADING = re.compile(r"[.\[\]\"']|^$")
_CHECKSUM = re.compile("[0-9a-f]{64}")
_LONGEST = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Something that a record says and that is otherwise.

    Attributes:
        path: in the record, as `metrics.agnostic.AP`.
        recorded: the record's value, or ABSENT.
        found: the value in its place, or ABSENT.
        source: what gave it.
    """

    path: str
    recorded: Any
    found: Any
    source: str = "recomputed"

    def __str__(self) -> str:
        return f"{self.path}: record {_shown(self.recorded)}, {self.source} {_shown(self.found)}"


@dataclass(slots=True)
class Findings:
    """What came of holding a record against all that it speaks of.

    Attributes:
        proven: paths in the record whose values were found to be so.
        differences: what is otherwise.
        unchecked: what could have been checked, and was not: a file is not there.
        claimed: what no file can prove.
    """

    proven: list[str] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)
    claimed: list[str] = field(default_factory=list)

    def hold(self, path: str, recorded: Any, found: Any, source: str = "recomputed") -> None:
        """Hold a value of the record against the one that was found in its place."""
        if recorded == found:
            self.proven.append(path)
        else:
            self.differences.append(
                Difference(path=path, recorded=recorded, found=found, source=source)
            )


def metric_differences(
    recorded: Mapping[str, Any], recomputed: Mapping[str, Any]
) -> list[Difference]:
    """Every value under a record's `metrics` that the predictions do not give.

    What only one of the two has is a difference, and so are a number and None (no ground truth).
    Whole numbers and texts must be equal, other numbers within PERCENT_TOLERANCE. Which programs
    were at work is left to `tool_remarks`, and what they differed by to an evaluation that compared
    them, too.

    Args:
        recorded: the record's.
        recomputed: what `evaluate` gives now.
    """
    theirs, ours = dict(_leaves(recorded)), dict(_leaves(recomputed))
    once = recomputed.get("verified") is None
    return [
        Difference(
            path=_written(path), recorded=theirs.get(path, ABSENT), found=ours.get(path, ABSENT)
        )
        for path in theirs | ours
        if path not in _TOOLS
        and not (once and path[:1] == ("verified",))
        and not (path in theirs and path in ours and _same(theirs[path], ours[path]))
    ]


def tool_remarks(recorded: Mapping[str, Any], recomputed: Mapping[str, Any]) -> list[str]:
    """Which programs the record names where others were at work this time, a line each."""
    theirs, ours = dict(_leaves(recorded)), dict(_leaves(recomputed))
    return [
        f"{_written(path)}: record {theirs.get(path, ABSENT)}, here {ours[path]}"
        for path in _TOOLS
        if path in ours and theirs.get(path, ABSENT) != ours[path]
    ]


def largest_gap(differences: Sequence[Difference]) -> float | None:
    """The most that two numbers differ by; None if some difference is not one of two numbers."""
    gaps = [_gap(one.recorded, one.found) for one in differences]
    known = [gap for gap in gaps if gap is not None]
    return max(known, default=0.0) if len(known) == len(gaps) else None


def _leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Path and value of everything that is neither a mapping nor a list, or is an empty one."""
    if isinstance(value, Mapping) and value:
        for key in value:
            yield from _leaves(value[key], (*path, key))
    elif isinstance(value, list) and value:
        for index, entry in enumerate(value):
            yield from _leaves(entry, (*path, index))
    else:
        yield path, value


def _written(path: Path) -> str:
    """A path as text: metrics.matched.confusion[0][1]; a name that would mislead is quoted."""
    steps = (
        f".{step}" if isinstance(step, str) and not _MISLEADING.search(step) else f"[{step!r}]"
        for step in path
    )
    return "metrics" + "".join(steps)


def _same(recorded: Any, found: Any) -> bool:
    gap = _gap(recorded, found)
    if gap is None:
        return type(recorded) is type(found) and bool(recorded == found)
    return gap <= (0 if isinstance(found, int) else PERCENT_TOLERANCE)


def _gap(one: Any, other: Any) -> float | None:
    """What two numbers differ by; None where something else is in the place of one."""
    if not (_is_number(one) and _is_number(other)):
        return None
    try:
        return float(abs(one - other))
    except OverflowError:  # an integer beyond what a float holds is no measured number
        return None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _shown(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, float):
        return f"{value:.10g}"
    text = str(value)
    if _CHECKSUM.fullmatch(text):
        return f"{text[:12]}…"
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
