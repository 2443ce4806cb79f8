"""The comment: nothing of a stranger's verdict gets out of its block of code."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

PROGRAM = Path(__file__).parents[2] / "tools" / "verdict_comment.py"
HOSTILE = (
    "```\n# head",
    "`@owner` fixes #1 [x](https://example.org) ![p](https://example.org/p.png)",
    "<script>alert(1)</script> <!-- -->",
    "~~~\r\n~~~",
    "\x1b[31m\x00\x07",
    "\u202eevil\u200b\ufeff\u2028\u2029",
    "\ud800",
    "$\\href{x}{y}$ | a | b |",
    "x" * 2**20,
)


def module() -> ModuleType:
    spec = importlib.util.spec_from_file_location("verdict_comment", PROGRAM)
    assert spec
    assert spec.loader
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


COMMENT = module()


def document(**entry: Any) -> bytes:
    listed = {"entry": "gce-quick-0123abcd", "outcome": "refused", "problems": [], **entry}
    return json.dumps({"format": 1, "entries": [listed], "problems": []}).encode()


def block(text: str) -> list[str]:
    """The lines of the one block of code; fails if there are more or fewer."""
    assert text.count("```") == 2
    inner = text.split("```text\n")[1].split("\n```")[0]
    return str(inner).split("\n")


def frame(text: str) -> str:
    """What stands around the block."""
    before, after = text.split("```text\n")
    return before + after.split("\n```")[1]


def test_a_refusal_is_told_with_its_check() -> None:
    checks = [
        {"id": "seeds.pairs", "state": "holds", "run": None, "what": "w", "detail": ""},
        {
            "id": "metrics.segm.AP",
            "state": "fails",
            "run": "0011223344556677",
            "what": "mask AP is what the predictions give",
            "detail": "claimed 18.2, recomputed 18.1",
        },
    ]
    text = COMMENT.comment(document(verdict={"checks": checks}), 0)
    assert block(text) == [
        "gce-quick-0123abcd: refused",
        "  holds: 1",
        "  fails: metrics.segm.AP (run 0011223344556677): mask AP is what the predictions give: "
        "claimed 18.2, recomputed 18.1",
    ]
    assert text.startswith(COMMENT.MARK + "\n")


def test_what_many_runs_have_alike_is_one_line() -> None:
    checks = [
        {"id": "noise.again", "state": "unchecked", "run": f"{n:016x}", "what": "w", "detail": ""}
        for n in range(3)
    ]
    text = COMMENT.comment(document(outcome="accepted-without-data", verdict={"checks": checks}), 0)
    assert block(text) == [
        "gce-quick-0123abcd: accepted as far as can be checked without the data",
        "  holds: 0",
        "  unchecked (3 runs): noise.again: w",
    ]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("where", ["entry", "outcome", "problems", "id", "run", "what", "detail"])
def test_no_text_leaves_the_block(text: str, where: str) -> None:
    check = {"id": "a.b", "state": "fails", "run": "k", "what": "w", "detail": "d"}
    entry: dict[str, Any] = {"entry": "e", "verdict": {"checks": [check]}}
    if where in check:
        check[where] = text
    else:
        entry[where] = [text] if where == "problems" else text
    made = COMMENT.comment(document(**entry), 0)
    assert frame(made) == frame(COMMENT.comment(document(), 0))
    for line in block(made):
        assert line.isascii()
        assert line.isprintable()
        assert "`" not in line
        assert len(line) <= 240


def test_the_comment_is_short_enough_for_github_whatever_comes() -> None:
    check = {"id": "i" * 999, "state": "fails", "what": "\U0001f600" * 999}
    checks = [{**check, "run": f"{n}{'r' * 999}"} for n in range(200)]
    entry = {"entry": "e", "outcome": "refused", "verdict": {"checks": checks}}
    made = json.dumps({"format": 1, "entries": [entry], "problems": ["p" * 999] * 50}).encode()
    text = COMMENT.comment(made, 0)
    assert len(text) < 65536
    assert "left out here" in block(text)[-1]


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b"\xff\xfe",
        b"{",
        b"[" * 100_000,
        b'{"format": 2, "entries": []}',
        b'{"format": 1, "entries": []}' + b" " * COMMENT.BYTES,
    ],
    ids=range(7),
)
def test_a_file_that_is_no_verdict_is_said_to_be_none(text: bytes) -> None:
    assert block(COMMENT.comment(text, 0)) == ["The run left a verdict that cannot be read."]


@pytest.mark.parametrize(
    "value", [None, 3, "x", [], {}, [None], [[]], [{}], [{"checks": 1}], {"checks": [3, None, {}]}]
)
@pytest.mark.parametrize("key", ["entries", "problems", "entry", "outcome", "verdict"])
def test_other_shapes_do_not_stop_it(key: str, value: object) -> None:
    entry = {"entry": "e", "outcome": "accepted", "problems": [], "verdict": None}
    made = {"format": 1, "entries": [entry], "problems": []}
    (made if key == "entries" else entry)[key] = value
    assert block(COMMENT.comment(json.dumps(made).encode(), 0))


def test_it_says_whose_word_it_is() -> None:
    assert "the base branch's own verification" in frame(COMMENT.comment(document(), 0))
    other = frame(COMMENT.comment(document(), 2))
    assert "changes 2 files outside" in other
    assert "a maintainer verifies the bundle again" in other
    assert "own verification" not in other


def test_a_run_without_a_verdict_is_told_of(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-I", PROGRAM, tmp_path / "none.json", "--outside", "0"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert block(done.stdout) == ["The run left no verdict: its log says why."]
