"""Makes the comment on a pull request of the verdicts that its own run left.

    python3 tools/verdict_comment.py verdicts.json --outside 0 > comment.md

Standard library alone, so that nothing is installed where a token may write. The file came from a
run that the submission may have changed: nothing in it is believed or passed on as it is. Every
line that it fills stands in a block of code, in printable ASCII without backticks, where
GitHub makes no links, mentions or pictures; lengths and counts are limited.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

MARK = "<!-- noisyseg: verdict on the submission -->"
BYTES = 32 * 2**20  # of the file; a verdict of 6 runs has 21 kB
LINE = 240  # characters
LINES = 200  # of all entries together; with LINE below GitHub's 65,536 characters
_OUTCOMES = {
    "accepted": "accepted",
    "accepted-without-data": "accepted as far as can be checked without the data",
    "refused": "refused",
    "untried": "not tried",
}
_STATES = ("fails", "unchecked", "remark", "claimed")


def plain(text: object, longest: int = LINE) -> str:
    """A text as one line of printable ASCII without backticks, cut off after `longest`.

    Anything but a text is a question mark.
    """
    if not isinstance(text, str):
        return "?"
    escaped = text[: longest + 1].encode("ascii", "backslashreplace").decode("ascii")
    line = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in escaped)
    line = line.replace("`", "'")
    return line if len(line) <= longest else line[: longest - 4] + " ..."


def comment(text: bytes | None, outside: int) -> str:
    """The comment, in Markdown.

    Args:
        text: the file's bytes; None if the run left none.
        outside: how many files the pull request changes outside of the entries, by GitHub's word.
    """
    lines = list(islice(_lines(text), LINES + 1))
    if len(lines) > LINES:
        lines = [*lines[: LINES - 1], "more lines, left out here: see the run's artifact"]
    parts = [
        MARK,
        "**What verification says of the entries submitted here.**",
        "```text\n" + "\n".join(lines) + "\n```",
        _how_far(outside),
        "What the lines mean and what no check can prove: `docs/leaderboard.md`. The run has the "
        "whole verdict and a preview of the site, as artifacts.",
    ]
    return "\n\n".join(parts) + "\n"


def _how_far(outside: int) -> str:
    if outside:
        return (
            f"This pull request changes {outside} files outside of `results/published/entries/`, "
            "with which the run may have said anything: a maintainer verifies the bundle again."
        )
    return "Made by the base branch's own verification; the pull request changes entries alone."


def _lines(text: bytes | None) -> Iterator[str]:
    if text is None:
        yield "The run left no verdict: its log says why."
        return
    document = _document(text)
    if document is None:
        yield "The run left a verdict that cannot be read."
        return
    entries, problems = _list(document, "entries"), _list(document, "problems")
    if not entries and not problems:
        yield "No entry is added."
    for problem in problems:
        yield plain(problem)
    for entry in entries:
        yield from _of_entry(entry)


def _document(text: bytes) -> dict[str, Any] | None:
    if len(text) > BYTES:
        return None
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) and document.get("format") == 1 else None


def _of_entry(entry: object) -> Iterator[str]:
    if not isinstance(entry, dict):
        return
    outcome = entry.get("outcome")
    said = _OUTCOMES.get(outcome, "not tried") if isinstance(outcome, str) else "not tried"
    yield plain(f"{plain(entry.get('entry'), 160)}: {said}")
    for problem in _list(entry, "problems"):
        yield plain(f"  {problem}")
    verdict = entry.get("verdict")
    checks = _list(verdict, "checks") if isinstance(verdict, dict) else []
    held = sum(isinstance(check, dict) and check.get("state") == "holds" for check in checks)
    yield f"  holds: {held}"
    for state in _STATES:
        said = Counter(
            _about(check, with_run=state == "fails")
            for check in checks
            if isinstance(check, dict) and check.get("state") == state
        )
        for text, count in said.items():
            yield plain(f"  {state}{f' ({count} runs)' if count > 1 else ''}: {text}")


def _about(check: dict[str, Any], *, with_run: bool) -> str:
    run = f" (run {plain(check['run'], 40)})" if with_run and check.get("run") else ""
    said = [plain(check[key]) for key in ("what", "detail") if check.get(key)]
    return f"{plain(check.get('id'), 60)}{run}: {': '.join(said)}"


def _list(document: dict[str, Any], key: str) -> list[Any]:
    found = document.get(key)
    return found if isinstance(found, list) else []


def main(argv: Sequence[str] | None = None) -> int:
    """Print the comment; a file that is not there is said in it."""
    parser = argparse.ArgumentParser(description="The comment that tells a verdict.")
    parser.add_argument("verdicts", type=Path)
    parser.add_argument("--outside", type=int, required=True, help="files changed elsewhere")
    asked = parser.parse_args(argv)
    text = None
    if asked.verdicts.is_file():
        with asked.verdicts.open("rb") as file:
            text = file.read(BYTES + 1)
    sys.stdout.write(comment(text, asked.outside))
    return 0


if __name__ == "__main__":
    sys.exit(main())
