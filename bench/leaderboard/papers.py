"""What an unpacked bundle says of itself, in three files, each of its schema."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from noisyseg.bench.leaderboard.checks.check import Check, held
from noisyseg.bench.leaderboard.contents import (
    BUNDLE,
    CARD,
    SUITE,
    Contents,
    SuiteContents,
    parse_contents,
    parse_suite,
)
from noisyseg.errors import InputError
from noisyseg.results.leaderboard.card import Card, parse_card

Paper = TypeVar("Paper")


@dataclass(frozen=True, slots=True, kw_only=True)
class Papers:
    """What a bundle says of itself, each part of its schema."""

    contents: Contents
    stated: SuiteContents
    card: Card


def read_papers(folder: Path) -> tuple[Papers | None, list[Check]]:
    """The three files in which an unpacked bundle speaks of itself; None if one is not legible."""
    checks: list[Check] = []

    def read(name: str, file: str, parse: Callable[[bytes], Paper]) -> Paper | None:
        what = f"{file} is of its schema"
        try:
            found = parse((folder / file).read_bytes())
        except InputError as error:
            checks.append(held(name, what, str(error)))
            return None
        checks.append(held(name, what, None))
        return found

    contents = read("schema.bundle", BUNDLE, parse_contents)
    stated = read("schema.suite", SUITE, parse_suite)
    card = read("card.schema", CARD, lambda data: parse_card(data, CARD))
    if contents is None or stated is None or card is None:
        return None, checks
    return Papers(contents=contents, stated=stated, card=card), checks
