"""The entries that the project publishes: what they say is what lies beside them."""

from pathlib import Path

import pytest

from noisyseg.bench.cli.command_line import main
from noisyseg.files import sha256_file
from noisyseg.results.leaderboard.arrangement import grounds_of
from noisyseg.results.leaderboard.entry import read_entry

PUBLISHED = Path(__file__).parents[1] / "results" / "published"
BUNDLES = sorted(PUBLISHED.glob("entries/*/bundle.zip"))


def files(folder):
    return {p.relative_to(folder): sha256_file(p) for p in folder.rglob("*") if p.is_file()}


def test_each_bundle_is_the_one_that_its_entry_was_made_from():
    entries = [read_entry(path) for path in sorted(PUBLISHED.glob("entries/*/entry.json"))]
    assert {(entry.suite, len(entry.settings)) for entry in entries} == {("quick", 2), ("small", 3)}
    included = {entry.id: entry.bundle.sha256 for entry in entries if entry.bundle.included}
    assert {path.parent.name: sha256_file(path) for path in BUNDLES} == included
    assert {len(s.runs) for entry in entries for s in entry.settings.values()} == {5}
    assert [ground.archived for ground in grounds_of(entries)] == ["", ""]


def test_the_site_is_the_same_bytes_wherever_it_is_built(tmp_path):
    for name in ("one", "other"):
        assert main(["leaderboard", "build", str(PUBLISHED), "--out", str(tmp_path / name)]) == 0
    assert files(tmp_path / "one") == files(tmp_path / "other")
    assert len(files(tmp_path / "one")) > 100


@pytest.mark.long
@pytest.mark.parametrize("bundle", BUNDLES, ids=lambda path: path.parent.name)
def test_each_bundle_is_accepted(bundle, capsys):
    assert main(["leaderboard", "verify", str(bundle)]) == 0
    assert "accepted" in capsys.readouterr().out
