"""The page of a board: who is told from whom at one noise setting."""

from collections.abc import Sequence

from noisyseg.results.leaderboard.boards import KINDS, Board, Ground, Row
from noisyseg.results.leaderboard.entry import LEAST_SEEDS
from noisyseg.results.leaderboard.site.strip import strip_of
from noisyseg.results.leaderboard.site.templates import filled, year
from noisyseg.results.leaderboard.standings import EXACT
from noisyseg.results.leaderboard.wording import verdict

COLUMNS = {
    "segm.AP50": "AP50",
    "segm.AP75": "AP75",
    "bbox.AP": "Box AP",
    "agnostic.AP": "Agnostic AP",
    "matched.accuracy": "Class accuracy",
    "memorised": "Memorised",
    "recovered": "Recovered",
}
"""Metric → heading of the columns beside mask AP; those that no row has are left out."""
MEANINGS = {
    "segm.AP50": "mask AP at an overlap of 50 %",
    "segm.AP75": "mask AP at an overlap of 75 %",
    "bbox.AP": "AP of boxes",
    "agnostic.AP": "mask AP with all classes as one: finding and outlining alone",
    "matched.accuracy": "of the instances found, how many have the right class: naming alone",
    "memorised": "of training RoIs with a wrong label, how many the network predicts as that label "
    "in the last epoch; claimed by the logs",
    "recovered": "how many of them it predicts as the true one; claimed by the logs",
}
SECTIONS = {
    "provisional": f"Provisional: fewer than {LEAST_SEEDS} seeds to compare, and so not ranked",
    "imported": "Imported: predictions of other code; the AP is recomputed, the training unknown",
    "reported": "Reported in a paper: no runs, no seeds, no spread; nobody recomputed it",
}


def board_page(ground: Ground, board: Board, *, date: str) -> bytes:
    """The page.

    Args:
        ground: of the board.
        board: what it shows.
        date: of the newest entry of the site.
    """
    columns = [
        (label, metric)
        for metric, label in COLUMNS.items()
        if any(metric in row.numbers for row in board.rows)
    ]
    sections = [(kind, [row for row in board.rows if row.kind == kind]) for kind in KINDS]
    return filled(
        "board.html.j2",
        root="../../",
        date=date,
        ground=ground,
        board=board,
        verdict=verdict(board.rows),
        sections=[(kind, rows) for kind, rows in sections if rows],
        section_words=SECTIONS,
        columns=columns,
        meanings=MEANINGS,
        strip=strip_of(board),
        many=sum(row.standing is not None for row in board.rows) > EXACT,
        kinds=list(dict.fromkeys(row.entry.kind for row in board.rows)),
        years=sorted({year(row) for row in board.rows}),
        least=LEAST_SEEDS,
        remarks=table_remarks(board.rows),
    )


def table_remarks(rows: Sequence[Row]) -> list[str]:
    """What the paper's tables say of all their rows, each once."""
    reported = [row.entry.checks.remarks for row in rows if row.kind == "reported"]
    return list(dict.fromkeys(remark for remarks in reported for remark in remarks))
