"""What verification came to: for machines as JSON, for people with all that holds folded."""

import dataclasses
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from noisyseg.bench.leaderboard.checks.check import Check, State
from noisyseg.text_lines import wrapped

FORMAT = 1
_TITLES: dict[State, str] = {
    "remark": "to be known",
    "unchecked": "not checked",
    "claimed": "claimed, not proven",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What verification came to.

    Attributes:
        sha256, bytes: of the bundle; None for one that is too large to be read.
        suite, method: as the bundle says; None if it does not say so legibly.
        provisional: whether a setting has too few seeds to be ranked.
    """

    sha256: str | None
    bytes: int
    suite: str | None
    method: str | None
    with_data: bool
    provisional: bool
    checks: tuple[Check, ...]

    @property
    def accepted(self) -> bool:
        """Whether no check fails."""
        return not self.of("fails")

    def of(self, state: State) -> list[Check]:
        """The checks that came out so."""
        return [check for check in self.checks if check.state == state]


def verdict_of(
    archive: tuple[str | None, int],
    names: tuple[str, str] | None,
    checks: Sequence[Check],
    *,
    with_data: bool,
) -> Verdict:
    """The verdict on a bundle.

    Args:
        archive: its SHA-256, if it was read, and its size.
        names: its suite's and its method's; None if it is none.
        checks: all.
        with_data: whether the verifier had the data.
    """
    suite, method = names or (None, None)
    return Verdict(
        sha256=archive[0],
        bytes=archive[1],
        suite=suite,
        method=method,
        with_data=with_data,
        provisional=any(check.id == "seeds.count" for check in checks),
        checks=tuple(checks),
    )


def verdict_document(verdict: Verdict) -> dict[str, Any]:
    """All of it, for JSON."""
    return {
        "format": FORMAT,
        "bundle": {"sha256": verdict.sha256, "bytes": verdict.bytes},
        "suite": verdict.suite,
        "method": verdict.method,
        "with_data": verdict.with_data,
        "accepted": verdict.accepted,
        "provisional": verdict.provisional,
        "checks": [dataclasses.asdict(check) for check in verdict.checks],
    }


def headline(verdict: Verdict) -> str:
    """One line."""
    failed = len(verdict.of("fails"))
    if failed:
        return f"REFUSED: {failed} of {len(verdict.checks)} checks fail"
    reach = "" if verdict.with_data else " as far as can be checked without the data"
    kind = ", provisional" if verdict.provisional else ""
    return f"accepted{reach}{kind}"


def verdict_text(verdict: Verdict) -> str:
    """The verdict for people: every failure, and a line a family of what holds."""
    return "\n".join(_lines(verdict))


def _lines(verdict: Verdict) -> Iterator[str]:
    if verdict.suite is not None and verdict.sha256 is not None:
        yield f"suite {verdict.suite}, method {verdict.method}, bundle {verdict.sha256[:12]}…"
    yield from _failures(verdict.of("fails"))
    holds = Counter(check.id.partition(".")[0] for check in verdict.of("holds"))
    if holds:
        counts = ", ".join(f"{family} {count}" for family, count in holds.items())
        yield from wrapped(f"holds: {counts}", hanging="  ")
    for state, title in _TITLES.items():
        for text, count in Counter(_said(check) for check in verdict.of(state)).items():
            times = f" ({count} runs)" if count > 1 else ""
            yield from wrapped(f"{title}: {text}{times}", hanging="  ")
    yield headline(verdict)


def _said(check: Check) -> str:
    """What a check says, without the run that it says it of."""
    return f"{check.what}{f': {check.detail}' if check.detail else ''}"


def _failures(failures: Sequence[Check]) -> Iterator[str]:
    for check in failures:
        run = "" if check.run is None else f" (run {check.run})"
        yield from wrapped(f"FAILS {check.id}{run}: {_said(check)}", hanging="  ")
