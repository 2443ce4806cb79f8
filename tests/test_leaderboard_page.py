"""The page on the leaderboard: every key of its formats is named, its limits are the code's."""

import re
from pathlib import Path

import msgspec
import pytest

from noisyseg.bench.leaderboard import contents
from noisyseg.bench.leaderboard.limits import LIMITS
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
    (listed,) = re.findall(r"^```text\n(.*?)```", SECTIONS["Bundle"], re.M | re.S)
    names = [line.split()[0].replace("KEY", "0" * 16) for line in listed.splitlines()]
    assert len(names) == 8
    assert all(contents.MEMBER.fullmatch(name) for name in names)


def test_texts_are_as_long_as_the_card_takes_them() -> None:
    source = (ROOT / "results/leaderboard/card.py").read_text(encoding="utf-8")
    limits = dict(re.findall(r"^    (\w+): Annotated\[[^\n]*longest=(\d+)", source, re.M))
    for key in ("name", "licence", "summary", "tuned_on", "extra_data", "pretrained"):
        assert re.search(rf"^\| `{key}` \|.* {limits[key]} char", SECTIONS["Card"], re.M), key


def test_the_families_of_checks_are_the_codes() -> None:
    table = PAGE.split("| checks | what is held against what |")[1].split("\n\n")[0]
    listed = set(re.findall(r"`(\w+)`", "\n".join(re.findall(r"^\| (.*?) \|", table, re.M))))
    source = "".join(path.read_text() for path in (ROOT / "bench/leaderboard").rglob("*.py"))
    named_there = re.findall(r"(?:\bheld\(|\bequal\(|\bid=|\()\s*\"(\w+)\.\w+\",", source)
    assert {"archive", "noise", "seeds"} < set(named_there)
    assert listed == {*named_there, "training"}, "docs/leaderboard.md: the table of checks"


def test_the_limits_are_the_codes() -> None:
    mib = 2**20
    for said, limit in {
        "members | 10,000": LIMITS.members == 10_000,
        "all members, unpacked | 4 GiB": LIMITS.total == 4096 * mib > LIMITS.archive,
        "a member | 512 MiB": LIMITS.member == 512 * mib,
        "unpacked against packed, above 1 MiB | 200": (LIMITS.ratio, LIMITS.ratio_from)
        == (200, mib),
        "a JSON file, or a line of a log | 16 MiB": LIMITS.json == 16 * mib,
        "a manifest | 64 MiB": LIMITS.manifest == 64 * mib,
        "a method's source | 1 MiB": LIMITS.source == mib,
        "predictions, decompressed | 512 MiB": LIMITS.detections == 512 * mib,
        "against compressed, above 1 MiB | 1000": LIMITS.detections_ratio == 1000,
    }.items():
        assert said in PAGE, said
        assert limit, said


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "docs/leaderboard.md"])
def test_links_lead_to_pages_and_headings(page: str) -> None:
    path = ROOT / page
    links = re.findall(r"\]\(([\w./-]*)#?([\w-]*)\)", path.read_text(encoding="utf-8"))
    assert links
    for file, anchor in links:
        target = path.parent / file
        assert target.is_file(), file
        headings = re.findall(r"^#+ (.*)$", target.read_text(encoding="utf-8"), re.M)
        anchors = {re.sub(r"[^\w -]", "", text).lower().replace(" ", "-") for text in headings}
        assert not anchor or anchor in anchors, anchor
