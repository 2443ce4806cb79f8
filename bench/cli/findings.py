"""What a verification came to: as text, as JSON, and as an exit status."""

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from noisyseg.bench.cli.output import DONE, SOME_FAILED, UNUSABLE_INPUT
from noisyseg.results.evaluation.verification import Difference, Findings, largest_gap
from noisyseg.text_lines import wrapped


def status_of(findings: Findings) -> int:
    """0: all that can be proven was; 1: something differs; 2: a file for it is not there."""
    if findings.differences:
        return SOME_FAILED
    return UNUSABLE_INPUT if findings.unchecked else DONE


def verdict(findings: Findings) -> str:
    """One line."""
    counts = [
        f"{len(found)} {what}"
        for found, what in (
            (findings.differences, "found to differ"),
            (findings.unchecked, "not checked"),
        )
        if found
    ]
    return f"NOT VERIFIED: {', '.join(counts)}" if counts else "verified: all that files can prove"


def findings_text(findings: Findings) -> str:
    """A line for everything; what goes beyond one is indented."""
    return "\n".join(_lines(findings))


def _lines(findings: Findings) -> Iterator[str]:
    yield from _list("proven: ", [", ".join(dict.fromkeys(findings.proven))])
    yield from _list("DIFFERS: ", map(str, findings.differences))
    yield from _list("not checked: ", findings.unchecked)
    yield from _list("claimed, not proven: ", findings.claimed)


def _list(title: str, entries: Iterable[str]) -> Iterator[str]:
    for entry in entries:
        yield from wrapped(f"{title}{entry}", hanging="  ")


def findings_document(findings: Findings) -> dict[str, Any]:
    """All of it, for JSON."""
    return {"verdict": verdict(findings), **dataclasses.asdict(findings)}


def differences_document(differences: Sequence[Difference] | None) -> dict[str, Any]:
    """The differences of a record's numbers, for JSON; None: not compared.

    `difference_from_record` is the most that a number differs by, null also where something else is
    in the place of one: `differences` names them all.
    """
    if differences is None:
        return {"difference_from_record": None, "differences": None}
    return {
        "difference_from_record": largest_gap(differences),
        "differences": [dataclasses.asdict(one) for one in differences],
    }
