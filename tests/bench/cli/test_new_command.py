"""The recipe for a command: its file, and a line in the table of commands."""

import importlib.util
import sys

import pytest

from noisyseg.bench.cli import command_line
from noisyseg.bench.cli.commands import COMMANDS, Command

FILE = '''"""`noisyseg greet`."""

import argparse
from dataclasses import dataclass

from noisyseg.bench.cli.output import DONE, print_text

EXAMPLE = "noisyseg greet reader --twice"


@dataclass(frozen=True, kw_only=True, slots=True)
class Manner:
    """Arguments that other commands may share."""

    twice: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What is asked for."""

    name: str
    manner: Manner


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("name")
    parser.add_argument("--twice", action="store_true")


def run(options: Options) -> int:
    """Greet."""
    print_text(" ".join(["hello", options.name] * (2 if options.manner.twice else 1)))
    return DONE
'''


@pytest.fixture
def greet(tmp_path, monkeypatch):
    path = tmp_path / "greet.py"
    path.write_text(FILE)
    spec = importlib.util.spec_from_file_location("noisyseg.bench.cli.greet", path)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    line = Command("greet", "say hello")
    monkeypatch.setitem(COMMANDS, "greet", line)


@pytest.mark.usefixtures("greet")
def test_a_file_and_a_line_make_a_command(capsys):
    assert command_line.main(["greet", "reader", "--twice"]) == 0
    assert capsys.readouterr().out == "hello reader hello reader\n"
    with pytest.raises(SystemExit):
        command_line.main(["--help"])
    assert "say hello" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        command_line.main(["greet", "--help"])
    assert "example: noisyseg greet reader --twice" in capsys.readouterr().out


@pytest.mark.usefixtures("greet")
def test_a_command_that_is_not_called_is_not_imported(monkeypatch, capsys):
    monkeypatch.delitem(sys.modules, "noisyseg.bench.cli.greet")
    assert command_line.main(["suite", "show", "quick"]) == 0
    assert "name: quick" in capsys.readouterr().out


def test_options_name_an_argument_that_the_parser_lacks(monkeypatch, greet):
    module = sys.modules["noisyseg.bench.cli.greet"]
    monkeypatch.setattr(module, "add_arguments", lambda parser: parser.add_argument("name"))
    with pytest.raises(AttributeError, match="twice"):
        command_line.main(["greet", "reader"])
