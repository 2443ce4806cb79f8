"""The pages that lead to the others: all boards, and all entries."""

from collections.abc import Sequence

from noisyseg.results.leaderboard.boards import Board, Ground
from noisyseg.results.leaderboard.site.templates import filled, year
from noisyseg.results.leaderboard.wording import MISSING, leaders, listed


def index_page(grounds: Sequence[Ground], *, date: str) -> bytes:
    """Every board, those of archived versions apart."""
    entries = [entry for ground in grounds for entry in ground.entries]
    current = [ground for ground in grounds if not ground.archived]
    firsts = [ground.first for ground in current]
    return filled(
        "index.html.j2",
        root="",
        date=date,
        current=current,
        archived=[ground for ground in grounds if ground.archived],
        verified=sum(entry.kind == "verified" for entry in entries),
        reported=sum(entry.kind == "reported" for entry in entries),
        named=_named,
        kinds=sorted({"reported" if own.kind == "reported" else "with runs" for own in firsts}),
        data=sorted({own.data for own in firsts}),
        families=sorted({own.family for own in firsts}),
    )


def _named(board: Board) -> str:
    return listed(leaders(board.rows)) or MISSING


def entries_page(grounds: Sequence[Ground], *, date: str) -> bytes:
    """Every entry, whatever its board."""
    found = [
        (
            entry,
            len(entry.settings) or len(entry.reported),
            sum(len(setting.runs) for setting in entry.settings.values()),
        )
        for ground in grounds
        for entry in ground.entries
    ]
    found.sort(key=lambda row: (str(row[0].card.get("name")), row[0].id))
    entries = [entry for entry, _, _ in found]
    return filled(
        "entries.html.j2",
        root="",
        date=date,
        entries=found,
        kinds=sorted({entry.kind for entry in entries}),
        data=sorted({entry.data for entry in entries}),
        families=sorted({entry.family for entry in entries}),
        years=sorted({year(entry) for entry in entries}),
    )
