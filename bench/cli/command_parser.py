"""argparse as the commands need it: unknown names get a suggestion, examples can be copied."""

import argparse
import re
import textwrap
from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from typing import Any

_EXAMPLE = "example: "
_WORD = re.compile(r"""(?:'[^']*'|"[^"]*"|[^\s'"])+""")  # of a shell: quotes hold spaces
_WITH_VALUE = re.compile(r"(--[\w-]+) (\w+=\S+)")  # such as --set kernel=5, in a sentence


class CommandHelp(argparse.HelpFormatter):
    """Help that breaks no line within an option, in an example nor with its value."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        if text.startswith(_EXAMPLE):
            return textwrap.indent(wrapped_command(text, width), indent)
        return "\n".join(
            part for line in text.splitlines() for part in self._split_lines(line, width)
        )

    def _split_lines(self, text: str, width: int) -> list[str]:
        # A space that is not to be broken at stands for itself again afterwards.
        joined = _WITH_VALUE.sub("\\1\0\\2", " ".join(text.split()))
        lines = textwrap.wrap(joined, width, break_on_hyphens=False)
        return [line.replace("\0", " ") for line in lines]


class CommandParser(argparse.ArgumentParser):
    """A parser whose errors name the nearest known command, option or choice.

    Attributes:
        hint: what a command says of a word that it does not know, in place of the nearest option.
    """

    hint: Callable[[str], str | None] | None = None

    def __init__(self, **settings: Any) -> None:
        super().__init__(**{"formatter_class": CommandHelp, **settings})

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> Any:
        """As argparse does; misspelt options come before the required ones that they leave out."""
        if not self._commands():
            for word in args or ():
                if word == "--":
                    break
                if self._is_unknown_option(word):
                    self.error(f"unrecognized arguments: {word}{self._option_hint(word)}")
        namespace, extras = super().parse_known_args(args, namespace)
        if extras and self.hint is not None and (said := self.hint(extras[0])):
            self.error(f"unrecognized arguments: {' '.join(extras)}; {said}")
        return namespace, extras

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is None or value in action.choices:
            return
        known = list(map(str, action.choices))
        near = _nearest(str(value), known)
        kind = "value"
        if isinstance(action, argparse._SubParsersAction):
            kind = "command"
            # What another group has under this very name comes before what only looks like it.
            near = [name for name in self._deeper() if name.endswith(f" {value}")] or near
        raise argparse.ArgumentError(
            None if kind == "command" else action,
            f"unknown {kind} {value!r}{_question(near)}; known: {', '.join(known)}",
        )

    def _commands(self) -> dict[str, argparse.ArgumentParser]:
        for action in self._actions:
            if isinstance(action, argparse._SubParsersAction):
                return dict(action.choices)
        return {}

    def _deeper(self) -> list[str]:
        """The commands of the groups below, each with its group's name."""
        return [
            f"{group} {name}"
            for group, parser in self._commands().items()
            if isinstance(parser, CommandParser)
            for name in parser._commands()
        ]

    def _is_unknown_option(self, word: str) -> bool:
        if not word.startswith("-") or len(word) < 3 or " " in word or re.match(r"-\.?\d", word):
            return False
        name = word.partition("=")[0]
        known = self._option_string_actions
        return not any(option.startswith(name) for option in known)  # argparse takes beginnings

    def _option_hint(self, word: str) -> str:
        if self.hint is not None and (said := self.hint(word)):
            return f"; {said}"
        name = word.partition("=")[0]
        return _question(_nearest(f"--{name.lstrip('-')}", self._option_string_actions))


def wrapped_command(text: str, width: int) -> str:
    """A command in lines that a shell reads as one; an option stays with its value.

    Args:
        text: "example: " and the command, or a command alone.
        width: of a line, as far as the parts fit one.
    """
    parts = _parts(text)
    lines = parts[:1]
    for number, part in enumerate(parts[1:], start=2):
        room = width if number == len(parts) else width - len(" \\")
        if len(lines[-1]) + 1 + len(part) <= room:
            lines[-1] += f" {part}"
        else:
            lines[-1] += " \\"
            lines.append(f"    {part}")
    return "\n".join(lines)


def _parts(text: str) -> list[str]:
    """The command's words, each option with the value that follows it."""
    parts: list[str] = []
    for word in _WORD.findall(text):
        if parts and parts[-1].startswith("-") and " " not in parts[-1] and word[0] != "-":
            parts[-1] += f" {word}"
        else:
            parts.append(word)
    return parts


def _nearest(name: str, known: Iterable[str]) -> list[str]:
    return get_close_matches(name, list(known), n=1, cutoff=0.5)


def _question(near: Sequence[str]) -> str:
    return f"; did you mean {' or '.join(map(repr, near))}?" if near else ""
