"""The page of a ground: every entry at every noise setting, with no mean over what is missing."""

from noisyseg.results.leaderboard.boards import Ground, Row
from noisyseg.results.leaderboard.entry import Entry
from noisyseg.results.leaderboard.site.board_page import table_remarks
from noisyseg.results.leaderboard.site.templates import filled, year


def ground_page(ground: Ground, *, date: str) -> bytes:
    """The page; entries that are first in most settings come first, then those with most of them.

    Args:
        ground: what it shows.
        date: of the newest entry of the site.
    """
    by_board = [{row.entry.id: row for row in board.rows} for board in ground.boards]
    rows = [
        (entry, cells, _firsts(cells))
        for entry in ground.entries
        for cells in [[rows.get(entry.id) for rows in by_board]]
    ]
    rows.sort(key=lambda row: (-(row[2] or 0), -sum(map(bool, row[1])), _name(row[0])))
    return filled(
        "ground.html.j2",
        root="../",
        date=date,
        ground=ground,
        rows=rows,
        kinds=list(dict.fromkeys(entry.kind for entry in ground.entries)),
        years=sorted({year(entry) for entry in ground.entries}),
        remarks=table_remarks([row for board in ground.boards for row in board.rows]),
    )


def _firsts(cells: list[Row | None]) -> int | None:
    """In how many settings an entry is not told from the best; None where it has no rank."""
    places = [row.standing for row in cells if row is not None and row.standing is not None]
    return sum(place.first for place in places) if places else None


def _name(entry: Entry) -> tuple[str, str]:
    return str(entry.card.get("name")), entry.id
