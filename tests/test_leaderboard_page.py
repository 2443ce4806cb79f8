"""The page on the leaderboard: every key of its formats is named, its limits are the code's."""

import re
from pathlib import Path

import msgspec
import pytest

from noisyseg.bench.leaderboard import contents
from noisyseg.results.leaderboard import card, entry

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "leaderboard.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^### (\w+)\n(.*?)(?=^##|\Z)", PAGE, re.M | re.S))
FORMATS = {
    "Card": [card.Card, card.Paper],
    "Bundle": [
        *(contents.Contents, contents.RunEntry, contents.Claim, contents.FileEntry),
        *(contents.SuiteContents, contents.Versions),
    ],
    "Entry": [entry.Entry, entry.EntryRun, entry.Setting, entry.Checks, entry.BundleFile],
}


def named(section: str) -> set[str]:
    """The words that a section has in backticks or as keys of JSON."""
    return set(re.findall(r"[`\"](\w+)[`\"]", SECTIONS[section]))


@pytest.mark.parametrize("section", FORMATS)
def test_every_key_is_named(section: str) -> None:
    keys = {key for kind in FORMATS[section] for key in kind.__annotations__}
    # What a table says of checks in words.
    keys -= {"holds", "remarks", "unchecked", "claimed"}
    assert sorted(keys - named(section)) == []


def test_the_example_is_a_bundle() -> None:
    (text,) = re.findall(r"```json\n(.*?)```", SECTIONS["Bundle"], re.S)
    made = text.replace("…", "0" * 64)
    read = contents.parse_contents(made.encode())
    assert {run.key for run in read.runs} == {"0123456789abcdef"}
    assert msgspec.to_builtins(read)["claims"]["sym40"]["segm.AP"] == {
        "n": 1,
        "mean": 18.1,
        "sd": None,
    }


def test_the_members_are_those_that_a_bundle_may_have() -> None:
    (listed,) = re.findall(r"^```\n(.*?)```", SECTIONS["Bundle"], re.M | re.S)
    names = [line.split()[0].replace("KEY", "0" * 16) for line in listed.splitlines()]
    assert len(names) == 8
    assert all(contents.MEMBER.fullmatch(name) for name in names)


def test_texts_are_as_long_as_the_card_takes_them() -> None:
    source = (ROOT / "results/leaderboard/card.py").read_text(encoding="utf-8")
    limits = dict(re.findall(r"^    (\w+): Annotated\[[^\n]*longest=(\d+)", source, re.M))
    for key in ("name", "licence", "summary", "tuned_on", "extra_data", "pretrained"):
        assert re.search(rf"^\| `{key}` \|.* {limits[key]} char", SECTIONS["Card"], re.M), key
