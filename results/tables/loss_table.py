"""What the class loss of runs did, as a table of text."""

from collections.abc import Mapping, Sequence
from typing import Any

from noisyseg.results.records.loss_at_work import PAPERS_SHARES
from noisyseg.results.tables.formats import MISSING
from noisyseg.text_lines import wrapped

_COLUMNS = {
    "noisy > 6.0": ("figure5", "noisy"),
    "clean > 6.0": ("figure5", "clean"),
    "precision": ("detector", "precision"),
    "recall": ("detector", "recall"),
    "memorised": ("noisy_shares", "memorised"),
    "recovered": ("noisy_shares", "recovered"),
    "background": ("noisy_shares", "background"),
}


def loss_table(rows: Sequence[Mapping[str, Any]], notes: Sequence[str] = ()) -> str:
    """A line for each run and box head at half time and at the end, and what the columns mean.

    Args:
        rows: {method, noise, seed, head, heads, epochs, half_time, last}; the last two hold the
            statistics of a report and its `epoch` (0-based).
        notes: what a reader must know, shown below.
    """
    several = any(row["heads"] > 1 for row in rows)
    lines = [["epoch", *_COLUMNS]]
    labels: dict[int, str] = {}  # by the line that they stand before
    for row in rows:
        label = f"{row['method']} · {row['noise']} · seed {row['seed']}"
        if several:
            label += f" · stage {row['head']}"
        labels[len(lines)] = label
        for part in ("half_time", "last") if row["epochs"] > 1 else ("last",):
            shown = row[part]
            cells = [_percent(shown[one][other]) for one, other in _COLUMNS.values()]
            lines.append([f"{shown['epoch'] + 1} of {row['epochs']}", *cells])
    legend = (
        "Shares of an epoch's positive RoIs: cross entropy above 6.0 among those with a wrong and "
        f"with a right label (the paper's figure 5: {_percent(PAPERS_SHARES['noisy'])} and "
        f"{_percent(PAPERS_SHARES['clean'])}); precision and recall of PON as a detector of wrong "
        "labels; of those with a wrong label, predicted as that label (memorised), as the true one "
        "(recovered), as background."
    )
    shown_lines = []
    for number, line in enumerate(_aligned(lines)):
        shown_lines += wrapped(labels[number], hanging="  ") if number in labels else []
        shown_lines.append(line)
    texts = [line for text in (legend, *notes) for line in wrapped(text)]
    return "\n".join([*shown_lines, "", *texts])


def _percent(share: float | None) -> str:
    if share is None:
        return MISSING
    return f"{100 * share:.2f} %" if share < 0.0995 else f"{100 * share:.1f} %"


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    return [
        "  " + "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    ]
