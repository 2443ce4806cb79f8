"""What pages and terminals call places, numbers and groups of a board."""

from collections.abc import Sequence

from noisyseg.number_text import decimal
from noisyseg.results.leaderboard.boards import Row
from noisyseg.results.records.metrics import DEFAULT

MISSING = "—"
_NAMED = 4


def number(value: float | None) -> str:
    """A number with one decimal, a dash for none."""
    return MISSING if value is None else decimal(value)


def half(row: Row) -> str:
    """Half the width of the 95 % interval of mask AP."""
    told = row.numbers.get(DEFAULT)
    return number(None if told is None or told.high is None else told.high - told.mean)


def place(row: Row) -> str:
    """A row's rank with its interval: 2 (1–4)."""
    if row.standing is None:
        return MISSING
    rank, low, high = row.standing[:3]
    shown = f"{rank:g}"
    return shown if low == high == rank else f"{shown} ({low}–{high})"


def groups(row: Row) -> str:
    """The letters of a row's groups."""
    return MISSING if row.standing is None else "".join(map(letter, row.standing.groups))


def letter(number: int) -> str:
    """A, B, …, Z, AA, AB, … of 0, 1, …"""
    rest, own = divmod(number, 26)
    return (letter(rest - 1) if rest else "") + chr(ord("A") + own)


def verdict(rows: Sequence[Row]) -> str:
    """A sentence on who is ahead, as far as that is known."""
    ranked = [row for row in rows if row.standing is not None]
    if not ranked:
        return "Nobody is ranked here."
    best, *alike = leaders(ranked)
    below = len(ranked) - 1 - len(alike)
    if len(ranked) == 1:
        return f"{best} is the only ranked entry."
    if not below:
        told = "the other is not" if len(alike) == 1 else f"none of the {len(alike)} others is"
        return f"{best} has the highest mean, and {told} told from it."
    if not alike:
        return f"{best} is told from {'the other' if below == 1 else f'all {below} others'}."
    return (
        f"{best} has the highest mean. Not told from it: {listed(alike)}. "
        f"{below} {'is' if below == 1 else 'are'} told to be below it."
    )


def leaders(rows: Sequence[Row]) -> list[str]:
    """Names of the entries that are not told from a board's best, that one first."""
    return [
        str(row.entry.card.get("name"))
        for row in rows
        if row.standing is not None and row.standing.first
    ]


def listed(names: Sequence[str]) -> str:
    """Some names, and how many more there are."""
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
