"""A method's card: what its submitter says of it, written by hand in YAML, in a bundle as JSON."""

import math
import reprlib
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal, TypedDict

from noisyseg.checked_values import checked, or_null, part
from noisyseg.errors import InputError
from noisyseg.files import canonical_json
from noisyseg.located_yaml import Located, parse_yaml, place_of
from noisyseg.results.leaderboard.text import checked_text, checked_url
from noisyseg.strict_json import parse_strict_json

FORMAT = 1
MOST_BYTES = 1 << 16
MOST_AUTHORS = 50
MOST_PARAMETERS = 100

Value = float | bool | str


def _line(raw: Located, key: str, *, longest: int) -> str:
    return checked_text(raw[key], f"{raw.where(key)}: {key}", longest)


def _page(raw: Located, key: str) -> str:
    return checked_url(raw[key], f"{raw.where(key)}: {key}")


def _year(raw: Located, key: str) -> int:
    return _integer(raw, key, least=1900, most=2100)


def _format(raw: Located, key: str) -> int:
    if raw[key] != FORMAT or isinstance(raw[key], bool):
        raise InputError(
            f"{raw.where(key)}: this noisyseg reads cards of format {FORMAT}, got "
            f"{reprlib.repr(raw[key])}."
        )
    return FORMAT


def _integer(raw: Located, key: str, *, least: int, most: int) -> int:
    value = raw[key]
    if type(value) is not int or not least <= value <= most:
        raise InputError(
            f"{raw.where(key)}: {key} must be a whole number from {least} to {most}, got "
            f"{reprlib.repr(value)}."
        )
    return value


def _authors(raw: Located, key: str) -> list[str]:
    where = f"{raw.where(key)}: {key}"
    values = raw[key]
    if not isinstance(values, list) or not 1 <= len(values) <= MOST_AUTHORS:
        raise InputError(f"{where}: wanted a list of 1 to {MOST_AUTHORS} names.")
    return [checked_text(value, where, 100) for value in values]


def _parameters(raw: Located, key: str) -> dict[str, Value]:
    where = f"{raw.where(key)}: {key}"
    values = raw[key]
    if not isinstance(values, Mapping) or len(values) > MOST_PARAMETERS:
        raise InputError(f"{where}: wanted a mapping of at most {MOST_PARAMETERS} names to values.")
    return {
        checked_text(name, where, 100): _value(value, place_of(values, where, name), name)
        for name, value in values.items()
    }


def _value(value: Any, where: str, name: str) -> Value:
    """A parameter's value as specs have it: numbers are floats."""
    place = f"{where}: {name}"
    if isinstance(value, str):
        return checked_text(value, place, 500)
    if isinstance(value, bool):
        return value
    try:
        if isinstance(value, int | float) and math.isfinite(value):
            return float(value) + 0.0  # specs know no -0.0
    except OverflowError:  # an integer beyond float's range
        pass
    raise InputError(
        f"{place}: wanted a finite number, true, false or a word, got {reprlib.repr(value)}."
    )


class Paper(TypedDict):
    """Where the method was published."""

    title: Annotated[str, partial(_line, longest=300)]
    url: Annotated[str | None, or_null(_page)]
    year: Annotated[int, _year]


class Card(TypedDict):
    """What a submitter says of a method; all of it is shown on its page.

    `method` is its label in the suite. `parameters` are those that the runs' specs have, all of
    them. None in `extra_data` and `pretrained` says: none.
    """

    format: Annotated[Literal[1], _format]
    name: Annotated[str, partial(_line, longest=80)]
    method: Annotated[str, partial(_line, longest=100)]
    authors: Annotated[list[str], _authors]
    paper: Annotated[Paper | None, or_null(part(Paper))]
    code: Annotated[str | None, or_null(_page)]
    licence: Annotated[str, partial(_line, longest=80)]
    summary: Annotated[str, partial(_line, longest=300)]
    parameters: Annotated[dict[str, Value], _parameters]
    tuned_on: Annotated[str, partial(_line, longest=500)]
    extra_data: Annotated[str | None, or_null(partial(_line, longest=500))]
    pretrained: Annotated[str | None, or_null(partial(_line, longest=500))]


def read_card(path: Path) -> Card:
    """The card in a YAML file.

    Raises:
        InputError: no such file, not YAML, or what is wrong with the card, with its line.
    """
    try:
        data = path.read_bytes()
        if len(data) > MOST_BYTES:
            raise InputError(f"{path}: a card has at most {MOST_BYTES} bytes, got {len(data)}.")
        raw = parse_yaml(data.decode(), str(path))
    except OSError as error:
        raise InputError(
            f"cannot read {path}: {error.strerror}. `noisyseg leaderboard card METHOD --write "
            "FILE` makes a card to fill in."
        ) from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text.") from error
    return _checked(raw, str(path))


def parse_card(data: bytes, name: str) -> Card:
    """The card in a bundle's JSON.

    Args:
        data: the file's bytes.
        name: what to call it in messages.

    Raises:
        InputError: what is wrong with it.
    """
    return _checked(_located(parse_strict_json(data, name, most=MOST_BYTES), name), name)


def encode_card(card: Card) -> bytes:
    """Canonical JSON: equal cards give equal bytes."""
    return canonical_json(card)


def _checked(raw: Any, name: str) -> Card:
    if not isinstance(raw, Located):
        raise InputError(f"{name}: wanted a card's keys and values, got {reprlib.repr(raw)}.")
    return checked(raw, Card, what="a card")


def _located(value: Any, name: str) -> Any:
    """JSON's mappings as those of YAML, so that one declaration checks both."""
    if isinstance(value, dict):
        entries = {key: _located(entry, name) for key, entry in value.items()}
        return Located(entries, file=Path(name), places={})
    return value
