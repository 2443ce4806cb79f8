"""The calls of noisyseg in shell text, held against the program's own parser."""

import contextlib
import io
import re
import shlex
from collections.abc import Iterator, Mapping

from noisyseg.bench.cli.command_line import build_parser
from noisyseg.errors import InputError

# What Slurm and shells set, and what parallel puts in.
SET = {
    "SLURM_ARRAY_TASK_ID": "3",
    "address": "head:20007",
    "PORT": "6379",
    "HOME": "/home",
    "{}": "3",
}
ASSIGNMENT = re.compile(r"^([A-Za-z_]+)=(\S+)$", re.M)
OTHER_STREAM = re.compile(r"\d?>&\d")
SEPARATORS = set("();<>|&:")  # a colon alone: parallel's `:::`


def calls(text: str, values: Mapping[str, str] = SET) -> Iterator[list[str]]:
    """The words of every call of noisyseg in a shell's text, `noisyseg` first.

    Variables have the value that the text gives them, or else that of `values`.
    """
    known = dict(ASSIGNMENT.findall(text)) | values
    for line in OTHER_STREAM.sub("", text.replace("\\\n", " ")).splitlines():
        yield from _calls_of_line(filled(line, known))


def filled(line: str, values: Mapping[str, str]) -> str:
    """The line with variables replaced by what they are set to."""
    for name, value in values.items():
        line = line.replace("{}" if name == "{}" else f"${name}", value)
    return line.replace("$(hostname)", "head")


def _calls_of_line(line: str) -> Iterator[list[str]]:
    if "noisyseg" not in line:
        return
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    command: list[str] = []
    for word in [*lexer, ";"]:
        if not set(word) <= SEPARATORS:
            command.append(word)
            continue
        yield from _calls_of_command(command)
        command = []


def _calls_of_command(command: list[str]) -> Iterator[list[str]]:
    for position, word in enumerate(command):
        if word.rpartition("/")[2] == "noisyseg" and _is_called(command[:position]):
            yield ["noisyseg", *command[position + 1 :]]
            return
        if re.search(r"\bnoisyseg ", word):  # a command line in quotes
            yield from _calls_of_line(word)


def _is_called(before: list[str]) -> bool:
    """Whether what comes after these words is a program: not the argument of pip, git or cd."""
    return not before or before[0] not in ("pip", "git", "cd", "ls", "which", "python", "apt")


def refusal(words: list[str]) -> str | None:
    """What the program's parser says against a call; None: it takes it."""
    left = [word for word in words if "$" in word]
    if left:
        return f"unknown variable in {left}"
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            build_parser(words[1:]).parse_args(words[1:])
    except InputError as error:
        return str(error)
    except SystemExit as stop:
        return said.getvalue() if stop.code else None  # --help and --version end well
    return None
