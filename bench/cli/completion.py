"""`noisyseg completion`: a script by which a shell completes commands, options and names."""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from noisyseg.bench.cli.output import DONE, print_text
from noisyseg.text_templates import filled

EXAMPLE = "noisyseg completion bash"
_SHELLS = ("bash", "zsh")
_TEMPLATES = Path(__file__).with_name("templates")

SUITES, METHODS, NOISE, MODELS, DATA, CODE = "suite", "method", "noise", "model", "data", "code"
_FOLDERS = {"FOLDER", "DIR", "RUNS", "PUBLISHED", "SITE", "A", "B"}
# By how the help writes an argument's value, and by an argument's own name.
_BY_VALUE = {"SUITE": (SUITES, True), "METHOD": (METHODS, False), "PATH.py:NAME": (CODE, True)}
_BY_NAME = {
    "suite": (SUITES, True),
    "method": (METHODS, True),
    "methods": (METHODS, False),
    "model": (MODELS, True),
    "type": (NOISE, False),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """The shell."""

    shell: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.description = (
        "Print a script that completes commands, options, suites, methods and types of noise: "
        'eval "$(noisyseg completion bash)". It knows what is installed as it is printed; for a '
        "shell that starts fast write it to a file once, and have eval take that."
    )
    parser.add_argument("shell", choices=_SHELLS)


def run(options: Options) -> int:
    """Print the script of a shell."""
    import shtab

    # Every command's parser, which this command is one of.
    from noisyseg.bench.cli.command_line import build_parser

    parser = build_parser()
    for action, group in _arguments(parser, ""):
        found = _completed(action, group)
        if found is not None:
            action.complete = found  # type: ignore[attr-defined]  # where shtab looks for it
    preamble = filled(_TEMPLATES / f"completion.{options.shell}.j2", kinds=_kinds())
    print_text(shtab.complete(parser, shell=options.shell, preamble=preamble))
    return DONE


def _arguments(
    parser: argparse.ArgumentParser, group: str
) -> Iterator[tuple[argparse.Action, str]]:
    """Every argument that takes a value, and the first word of its command."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, below in action.choices.items():
                yield from _arguments(below, group or name)
        elif action.nargs != 0 and not action.choices:
            yield action, group


def _completed(action: argparse.Action, group: str) -> Any:
    """What shtab is to complete an argument with; None for what is nobody's to guess."""
    value = action.metavar if isinstance(action.metavar, str) else ""
    kind = _BY_VALUE.get(value) or _BY_NAME.get(action.dest)
    if action.dest == "noise" and not action.option_strings:
        kind = (NOISE, True)
    elif action.dest == "name" and group == "data":
        kind = (DATA, True)
    if kind is not None:
        name, files = kind
        function = f"_noisyseg_{name}{'_file' * files}"
        return dict.fromkeys(_SHELLS, function)
    if value in _FOLDERS and action.type is Path:
        return "directory"
    return "file" if action.type is Path or "FILE" in value else None


def _kinds() -> list[tuple[str, list[str], list[str]]]:
    """Kind, its names, and the endings of files that can stand for one."""
    from noisyseg.bench.config.shipped import shipped_names
    from noisyseg.bench.datasets.formats.registry import named_formats
    from noisyseg.methods.plugins import installed_names
    from noisyseg.methods.registry import TAKEN
    from noisyseg.noise.types.registry import known_names

    suites, models = shipped_names("suite"), shipped_names("model")
    # Names with brackets have others without, since shells want quotes around these.
    methods = [name for name in [*TAKEN, *installed_names()] if "(" not in name]
    return [
        (SUITES, suites, ["yaml", "yml"]),
        (METHODS, methods, ["py"]),
        (NOISE, known_names(), ["py"]),
        (MODELS, models, ["yaml", "yml"]),
        (DATA, [known.name for known in named_formats()], ["json"]),
        (CODE, [], ["py"]),
    ]
