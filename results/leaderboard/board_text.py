"""A board as lines for a terminal."""

from collections.abc import Sequence

from noisyseg.number_text import decimal
from noisyseg.results.leaderboard.boards import Board, Ground, Row
from noisyseg.results.leaderboard.wording import MISSING, groups, half, place, verdict
from noisyseg.results.records.metrics import DEFAULT
from noisyseg.text_lines import wrapped

_HEAD = ("rank", "group", "method", "mask AP", "±", "sd", "n", "agnostic", "accuracy", "kind")
_RIGHT = range(3, 9)
_LONGEST = 28  # of a name


def board_text(ground: Ground, board: Board) -> str:
    """A heading, the verdict, the noise floor and a line an entry."""
    first = ground.first
    lines = [_printed(f"{board.setting} on {first.data} ({first.model})")]
    lines += wrapped(_printed(verdict(board.rows)))
    if board.floor is not None:
        lines.append(f"Noise floor: {decimal(board.floor.sd)} AP (sd of ce over seeds)")
    cells = [_HEAD, *(_cells(row) for row in board.rows)]
    return "\n".join([*lines, *_columns(cells)])


def _cells(row: Row) -> tuple[str, ...]:
    own = row.numbers.get(DEFAULT)
    others = ("agnostic.AP", "matched.accuracy")
    return (
        place(row),
        groups(row),
        _short(_printed(str(row.entry.card.get("name")))),
        MISSING if own is None else decimal(own.mean),
        half(row),
        MISSING if own is None or own.sd is None else decimal(own.sd),
        MISSING if own is None or row.kind == "reported" else str(own.n),
        *(decimal(row.numbers[m].mean) if m in row.numbers else MISSING for m in others),
        row.kind,
    )


def _printed(text: str) -> str:
    """A stranger's text without anything that a terminal obeys."""
    return "".join(sign if sign.isprintable() else "�" for sign in text)


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"


def _columns(cells: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if place in _RIGHT else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in cells
    ]
