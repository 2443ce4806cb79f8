"""The entries that the project publishes: what they say is what lies beside them."""

from pathlib import Path

import pytest

from noisyseg.bench.cli.command_line import main
from noisyseg.files import sha256_file
from noisyseg.results.leaderboard.arrangement import grounds_of
from noisyseg.results.leaderboard.published import read_published

PUBLISHED = Path(__file__).parents[1] / "results" / "published"
BUNDLES = sorted(PUBLISHED.glob("entries/*/bundle.zip"))


def files(folder):
    return {p.relative_to(folder): sha256_file(p) for p in folder.rglob("*") if p.is_file()}


FIRST = {
    "quick": {"ce", "gce", "jol", "lncis", "lsr", "sce"},
    "small": {"ce", "forward", "gce", "gjs", "jol", "lncis", "lncis-code", "lsr", "nce-rce", "sce"},
}


@pytest.fixture(scope="module")
def entries():
    return read_published(PUBLISHED)


def test_each_bundle_is_the_one_that_its_entry_was_made_from(entries):
    included = {entry.id: entry.bundle.sha256 for entry in entries if entry.bundle.included}
    assert included
    assert {path.parent.name: sha256_file(path) for path in BUNDLES} == included


def test_the_first_entries_stay_and_are_compared(entries):
    """Others may join them: pull requests add entries, and change nothing else."""
    grounds = [ground for ground in grounds_of(entries) if not ground.archived]
    for suite, methods in FIRST.items():
        boards = {
            board.slug: {row.entry.card["method"]: row for row in board.rows}
            for ground in grounds
            if ground.first.suite == suite
            for board in ground.boards
        }
        assert {"clean", "sym40"} <= boards.keys()
        for rows in boards.values():
            assert methods <= rows.keys()
            assert all(rows[method].numbers["segm.AP"].n >= 5 for method in methods)


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
