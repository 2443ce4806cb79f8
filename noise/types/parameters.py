"""Parameters of a type of noise: where each value comes from and what it may be."""

import math
import tokenize
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from noisyseg.errors import InputError


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where a step was read and what it is for.

    Attributes:
        where: names the place in messages, e.g. "suite.yaml, line 9".
        base: folder that relative paths start from.
        classes: names of the run's classes, in order.
    """

    where: str
    base: Path
    classes: Sequence[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Loaded:
    """A parameter that is read from a file: what stands for it in a spec, and its content.

    Attributes:
        resolved: JSON-able; by content, never by path.
        content: what the noise works with.
    """

    resolved: Any
    content: Any = field(compare=False)


# What NumPy raises for a file that holds no array, or one for which there is no memory.
UNREADABLE_ARRAY = (
    *(ValueError, EOFError, MemoryError, OverflowError, TypeError),
    *(SyntaxError, tokenize.TokenError),
)

REQUIRED: Any = object()
Parse = Callable[[Any, Place], Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Parameter:
    """One parameter of a type of noise.

    Attributes:
        parse: from what a user wrote to a JSON-able value, or to `Loaded`.
        default: what a user who writes nothing means; REQUIRED if there is none.
        summary: what it is, with its unit.
        from_file: `parse` gives `Loaded`: a spec names the file's content alone, so that whoever
            has the spec needs the file, too.
        later: added after the type's first release: left out of a resolved spec at its default, so
            that run keys and manifests of before stay what they are.
    """

    parse: Parse
    summary: str
    default: Any = REQUIRED
    from_file: bool = False
    later: bool = False


def rate(value: Any, place: Place) -> float:
    """A probability in [0, 1], as a float."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not 0 <= value <= 1:  # NaN fails the comparison
        raise InputError(
            f"{place.where}: a noise rate must be a number from 0 to 1, got {value!r} (40 % is "
            "written 0.4)."
        )
    return abs(float(value))  # -0.0 would be another run key


def number(*, least: float, most: float = math.inf, unit: str) -> Parse:
    """A parser of a number in [least, most]."""

    def parse(value: Any, place: Place) -> float:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        # Not float(): an integer of a thousand digits has none.
        if not is_number or not least <= value <= most or not abs(value) < 1e300:
            limits = f"of at least {least:g}" if most == math.inf else f"from {least:g} to {most:g}"
            raise InputError(f"{place.where}: wanted a number {limits} ({unit}), got {value!r}.")
        return abs(float(value)) if value == 0 else float(value)

    return parse


def integer(*, least: int, most: int, unit: str) -> Parse:
    """A parser of an integer in [least, most]."""

    def parse(value: Any, place: Place) -> int:
        if type(value) is not int or not least <= value <= most:
            raise InputError(
                f"{place.where}: wanted an integer from {least} to {most} ({unit}), got {value!r}."
            )
        return value

    return parse


def flag(value: Any, place: Place) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise InputError(f"{place.where}: wanted true or false, got {value!r}.")
    return value


def one_of(*names: str) -> Parse:
    """A parser of one of some names."""

    def parse(value: Any, place: Place) -> str:
        if value not in names or not isinstance(value, str):
            raise InputError(f"{place.where}: wanted one of {', '.join(names)}, got {value!r}.")
        return value

    return parse


def names(value: Any, place: Place) -> list[str]:
    """A list of different texts, sorted."""
    fits = isinstance(value, list) and all(isinstance(entry, str) for entry in value)
    if not fits or len(set(value)) < len(value):
        raise InputError(f"{place.where}: wanted a list of different names, got {value!r}.")
    return sorted(value)


def resolved_only(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON-able side of parameters."""
    return {
        key: value.resolved if isinstance(value, Loaded) else value
        for key, value in parameters.items()
    }
