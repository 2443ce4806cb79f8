import argparse
import json
import re
import shlex
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

import noisyseg
from noisyseg.bench.cli import run
from noisyseg.bench.cli.command_line import INTERRUPTED, UNUSABLE_INPUT, build_parser, main
from noisyseg.bench.cluster.settings import ClusterSettings
from noisyseg.errors import InputError


def _parsers(parser, words=()):
    """Every parser in the tree, with the words that lead to it."""
    yield words, parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, child in action.choices.items():
                yield from _parsers(child, (*words, name))


COMMANDS = [words for words, _ in _parsers(build_parser())]


@pytest.fixture
def parsed(monkeypatch):
    """The options that `run` is called with."""
    seen = []

    def command(options):
        seen.append(options)
        return 0

    monkeypatch.setattr(run, "run", command)
    return seen


def test_the_tree_has_every_command():
    assert {" ".join(words) for words in COMMANDS} >= {
        *("", "run", "table", "status", "suite list", "suite show", "suite validate"),
        *("methods list", "methods show"),
    }


def test_without_arguments_the_quick_suite_is_run(parsed):
    assert main([]) == 0
    (options,) = parsed
    choice = options.choice
    assert choice.suite == "quick"
    assert str(choice.out) == "runs"
    assert not options.dry_run
    assert (choice.methods, choice.noise, choice.seeds, options.cluster.address) == (None,) * 4


def test_the_arguments_of_the_process_are_the_default(parsed, monkeypatch):
    monkeypatch.setattr("sys.argv", ["noisyseg", "run", "smoke", "--seeds", "3, 1"])
    assert main() == 0
    assert (parsed[0].choice.suite, parsed[0].choice.seeds) == ("smoke", [3, 1])


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_help_shows_an_example_that_can_be_called(words, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    with pytest.raises(SystemExit) as ended:
        main([*words, "--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    example = re.search(r"^example: (noisyseg .+)$", shown, re.MULTILINE).group(1)
    called = shlex.split(example)[1:]
    assert tuple(called[: len(words)]) == words
    assert callable(build_parser().parse_args(called).command)


@pytest.mark.parametrize("columns", ["60", "80", "100"])
@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_no_line_of_help_is_broken_within_an_option(words, columns, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", columns)
    with pytest.raises(SystemExit):
        main([*words, "--help"])
    lines = capsys.readouterr().out.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("example: "))
    for line, following in pairwise(lines[start:]):
        assert line.endswith(" \\")
        assert re.search(r"--[\w-]+ \\$", line) is None or following.strip().startswith("--")
    assert all(len(line) <= int(columns) for line in lines[start:])
    for line in lines[:start]:
        assert re.search(r"--[\w-]*-$|--set$", line) is None
    copied = " ".join(line.removesuffix(" \\").strip() for line in lines[start:])
    parser = dict(_parsers(build_parser()))[words]
    assert copied == parser.epilog


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("rnu", "unknown command 'rnu'; did you mean 'run'?"),
        ("statsu", "did you mean 'status'?"),
        ("noise mak", "unknown command 'mak'; did you mean 'make'?"),
        ("data chek voc2012", "unknown command 'chek'; did you mean 'check'?"),
        ("suite lst", "did you mean 'list'?"),
        ("methods sow ce", "did you mean 'show'?"),
        ("validate x.yaml", "unknown command 'validate'; did you mean 'suite validate'?"),
        ("download voc2012", "did you mean 'data download'?"),
        ("xyz", "unknown command 'xyz'; known: run, "),
        ("run smoke --sede 1", "unrecognized arguments: --sede; did you mean '--seeds'?"),
        ("run smoke --sede=1", "unrecognized arguments: --sede=1; did you mean '--seeds'?"),
        ("run smoke -seeds 1", "unrecognized arguments: -seeds; did you mean '--seeds'?"),
        ("noise make --anotations a.json --rate 0.4", "did you mean '--annotations'?"),
        ("data check coco2017 --rot x", "did you mean '--root'?"),
        ("run smoke --quux", "unrecognized arguments: --quux"),
        ("table smoke --format mdd", "unknown value 'mdd'; did you mean 'md'?; known: md, csv"),
        ("noise diff a b --match iuo", "argument --match: unknown value 'iuo'; did you mean 'iou'"),
    ],
)
def test_an_unknown_word_gets_the_nearest_known_one(line, said, capsys):
    with pytest.raises(SystemExit) as ended:
        main(line.split())
    assert ended.value.code == 2
    assert said in capsys.readouterr().err.splitlines()[-1]


def test_beginnings_of_options_and_negative_numbers_are_left_to_argparse(parsed, capsys):
    assert main(["run", "smoke", "--seed", "3", "--dry"]) == 0
    assert parsed[0].choice.seeds == [3]
    with pytest.raises(SystemExit):
        main(["run", "smoke", "--seeds", "-1"])
    assert "wanted a whole number of at least 0, got '-1'" in capsys.readouterr().err


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_option_is_explained(words):
    parser = dict(_parsers(build_parser()))[words]
    for action in parser._actions:
        assert action.help or not action.option_strings, action


def test_version(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"noisyseg {noisyseg.__version__}\n"


def test_an_interruption_says_that_nothing_is_lost(monkeypatch, capsys):
    def interrupted(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "run", interrupted)
    assert main(["run", "smoke"]) == INTERRUPTED == 130
    assert "finished runs are kept" in capsys.readouterr().err


def test_unusable_input_is_one_message_and_status_2(monkeypatch, capsys):
    def unusable(_):
        raise InputError("no such thing")

    monkeypatch.setattr(run, "run", unusable)
    assert main(["run", "smoke"]) == UNUSABLE_INPUT == 2
    assert capsys.readouterr() == ("", "error: no such thing\n")


def test_a_bug_is_not_disguised_as_bad_input(monkeypatch):
    def broken(_):
        raise ValueError("a bug")

    monkeypatch.setattr(run, "run", broken)
    with pytest.raises(ValueError, match="a bug"):
        main(["run", "smoke"])


@pytest.mark.parametrize("status", [0, 1])
def test_a_command_s_own_status_is_passed_on(monkeypatch, status):
    monkeypatch.setattr(run, "run", lambda _: status)
    assert main(["run", "smoke"]) == status


@pytest.mark.parametrize(
    ("option", "value", "problem"),
    [
        ("--seeds", "0,x", "wanted a whole number of at least 0, got 'x'"),
        ("--seeds", "", "wanted a whole number"),
        ("--seeds", "0,,1", "wanted a whole number"),
        ("--seeds", "1.5", "wanted a whole number"),
        ("--seeds=-1", None, "wanted a whole number of at least 0, got '-1'"),
        ("--seeds", "²", "wanted a whole number"),
        ("--seeds", "3,1,3", "a seed is given twice in 3,1,3"),
        ("--methods", "", "wanted names with commas between them"),
        ("--noise", " , ", "wanted names with commas between them"),
        ("--cpus-per-run", "0", "wanted at least 1"),
        ("--cpus-per-run", "two", "wanted a whole number"),
        ("--gpus-per-run", "nan", "wanted a share of a GPU or a whole number of them, got 'nan'"),
        ("--gpus-per-run=-1", None, "wanted a share of a GPU"),
        ("--gpus-per-run", "1.5", "wanted a share of a GPU"),
        ("--gpus-per-run", "inf", "wanted a share of a GPU"),
        ("--max-retries", "-", "wanted a whole number"),
        ("--sede", "1", "unrecognized arguments: --sede"),
    ],
)
def test_bad_options_are_named(parsed, capsys, option, value, problem):
    with pytest.raises(SystemExit) as ended:
        main(["run", "smoke", option, *([] if value is None else [value])])
    assert ended.value.code == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert problem in printed.err.splitlines()[-1]
    assert parsed == []


def test_good_options_arrive(parsed):
    options = (
        "--methods ce,lncis --noise clean, --cpus-per-run 2 --gpus-per-run 0.5 --max-retries 0"
    )
    assert main(["run", "x.yaml", *options.split(), "--dry-run", "--address", "auto"]) == 0
    (given,) = parsed
    assert (given.choice.methods, given.choice.noise) == (["ce", "lncis"], ["clean"])
    assert given.cluster == ClusterSettings(
        address="auto", cpus_per_run=2, gpus_per_run=0.5, max_retries=0
    )
    assert given.dry_run


@pytest.mark.parametrize("words", [["suite"], ["methods"], ["nothing"], ["suite", "nothing"]])
def test_no_command_is_status_2(words, capsys):
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert "Traceback" not in capsys.readouterr().err


def test_a_reader_that_has_seen_enough_is_no_error():
    command = f"{sys.executable} run_benchmark.py suite show quick | true; echo ${{PIPESTATUS[0]}}"
    root = Path(__file__).parents[3]
    result = subprocess.run(
        ["bash", "-c", command], cwd=root, capture_output=True, text=True, timeout=120
    )
    assert result.stdout == "0\n"
    assert result.stderr == ""


@pytest.mark.parametrize(
    "words", ["suite list", "methods list", "methods show ours", "status --out STORE"]
)
def test_json_is_one_document_and_nothing_else(call, words, tmp_path):
    done = call(*words.replace("STORE", str(tmp_path)).split(), "--json")
    assert done.status == 0
    assert json.loads(done.out) is not None
    assert done.err == ""
