"""The page of an entry: its card, its numbers at every setting, its runs, how to reproduce it."""

from collections.abc import Mapping, Sequence
from math import fsum

from noisyseg.results.leaderboard.arrangement import FLOOR
from noisyseg.results.leaderboard.boards import Board, Ground, Row
from noisyseg.results.leaderboard.entry import Entry, EntryRun
from noisyseg.results.leaderboard.site.board_page import COLUMNS
from noisyseg.results.leaderboard.site.curves import curves
from noisyseg.results.leaderboard.site.templates import filled

Places = Mapping[str, Sequence[tuple[Board, Row]]]
"""Entry → its rows with their boards, in the boards' order."""


def places_of(ground: Ground) -> Places:
    """Where each entry of a ground stands."""
    found: dict[str, list[tuple[Board, Row]]] = {entry.id: [] for entry in ground.entries}
    for board in ground.boards:
        for row in board.rows:
            found[row.entry.id].append((board, row))
    return found


def beside(ground: Ground) -> Entry | None:
    """The entry that curves are shown beside: plain cross entropy with the most runs."""
    known = [entry for entry in ground.entries if entry.method.name == FLOOR]
    return max(
        known,
        key=lambda entry: (sum(len(s.runs) for s in entry.settings.values()), entry.id),
        default=None,
    )


def method_page(
    ground: Ground, entry: Entry, places: Places, other: Entry | None, *, bundle: bool, date: str
) -> bytes:
    """The page.

    Args:
        ground: of the entry.
        entry: what it shows.
        places: of all entries of the ground.
        other: the entry beside it, or the same.
        bundle: whether its bundle lies in the site.
        date: of the newest entry of the site.
    """
    rows = places[entry.id]
    paper = entry.card.get("paper")
    drawn_beside = () if other is None or other.id == entry.id else places[other.id]
    runs = [(board, own) for board, _ in rows if (own := _runs(entry, board))]
    return filled(
        "method.html.j2",
        root="../",
        date=date,
        ground=ground,
        entry=entry,
        paper=paper if isinstance(paper, dict) else None,
        rows=rows,
        columns=[
            (label, metric)
            for metric, label in COLUMNS.items()
            if any(metric in row.numbers for _, row in rows)
        ],
        drawings=curves(rows, drawn_beside, FLOOR),
        classes=_classes([own for _, own in runs]),
        runs=runs,
        bundle=bundle,
    )


def _runs(entry: Entry, board: Board) -> Sequence[EntryRun]:
    return next(
        (s.runs for s in entry.settings.values() if s.noise == board.noise),
        (),
    )


def _classes(settings: Sequence[Sequence[EntryRun]]) -> list[tuple[str, list[float | None]]]:
    """Class → mask AP at each setting, mean over the runs that have it."""
    names = dict.fromkeys(name for runs in settings for run in runs for name in run.per_class)
    return [(name, [_mean(name, runs) for runs in settings]) for name in names]


def _mean(name: str, runs: Sequence[EntryRun]) -> float | None:
    values = [own.segm for run in runs if (own := run.per_class.get(name)) is not None]
    known = [value for value in values if value is not None]
    return fsum(known) / len(known) if known else None
