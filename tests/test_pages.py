"""The pages name all that there is; the front page is short, and prints what the program does."""

import re
from pathlib import Path

import pytest

from noisyseg.bench.cli.command_line import main
from noisyseg.bench.cli.commands import COMMANDS
from noisyseg.methods.built_in import METHODS
from noisyseg.noise.types.registry import NOISE_TYPES
from noisyseg.results.statistics.derived import DERIVED

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def page(name):
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def test_the_front_page_is_short():
    assert len(README.splitlines()) <= 150


def test_the_front_page_has_the_paper_s_table_as_it_is_printed(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["table", "paper-table1-voc"]) == 0
    rows = re.findall(r"^\|.*\|$", capsys.readouterr().out, re.M)
    assert len(rows) == 8
    assert "\n".join(rows) in README


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("methods.md", METHODS),
        ("noise.md", NOISE_TYPES),
        ("results.md", [word for word in DERIVED if not word.endswith(".best")]),
    ],
)
def test_a_page_has_a_row_for_each(name, words):
    rows = "\n".join(re.findall(r"^\| `.*$", page(name), re.M))
    assert [word for word in words if f"`{word}`" not in rows] == []


def test_every_command_is_on_its_page():
    listed = set(re.findall(r"^noisyseg (\w+)", page("commands.md"), re.M))
    assert listed == set(COMMANDS)
