"""The table of runs under way, as lines that fit a terminal."""

from collections.abc import Sequence

from rich.cells import cell_len, chop_cells

from noisyseg.bench.cluster.run_row import Row

COLUMNS = ("run", "epoch", "loss", "images/s", "node", "device", "memory", "left")
# What goes first where there is no room: who wants it has a wider terminal, or `status --json`.
_LEAST_FIRST = ("memory", "device", "node", "images/s", "loss")
_TO_THE_LEFT = {"run", "node", "device"}
_GAP = "  "
_LABEL_LEAST = 30  # letters of a label that stay before a column goes
_CELL_MOST = 24  # of any other cell


def table_lines(rows: Sequence[Row], *, width: int, most: int | None = None) -> list[str]:
    """A line of headings and one for each run.

    Args:
        rows: of the runs.
        width: of the terminal, in cells; no line is longer.
        most: lines; of runs that these do not hold the last line says how many. None: all.
    """
    if not rows:
        return []
    shown, more = _first(rows, most)
    cells = [{name: cut(row.get(name, ""), _CELL_MOST) for name in COLUMNS[1:]} for row in shown]
    # Those of which nothing is known yet, too: a table that is redrawn keeps its columns.
    widths = {
        name: max(cell_len(name), *(cell_len(row[name]) for row in cells)) for name in COLUMNS[1:]
    }
    labels = [row["run"] for row in shown]
    label_width = max(cell_len("run"), *map(cell_len, labels))
    kept = _that_fit(widths, width, min(label_width, _LABEL_LEAST))
    label_width = max(4, min(label_width, width - _taken(kept)))
    whole = {"run": label_width} | kept
    lines = [_line({name: name for name in COLUMNS}, whole)]
    for label, row in zip(labels, cells, strict=True):
        lines.append(_line({"run": cut(label, label_width)} | row, whole))
    lines += [f"and {more} more"] if more else []
    return [cut(line, width) for line in lines]


def cut(text: str, width: int) -> str:
    """Text of at most so many cells; what is longer loses its middle, marked by "…"."""
    if cell_len(text) <= width:
        return text
    if width < 2:
        return "…"[:width]
    tail = (width - 1) // 2
    head = chop_cells(text, width - 1 - tail)[0]
    end = chop_cells(text[::-1], tail)[0][::-1] if tail else ""
    return f"{head}…{end}"


def _first(rows: Sequence[Row], most: int | None) -> tuple[Sequence[Row], int]:
    """The rows that are shown, and how many are not."""
    if most is None or len(rows) + 1 <= most:
        return rows, 0
    shown = rows[: max(most - 2, 1)]  # the headings and the last line take two
    return shown, len(rows) - len(shown)


def _that_fit(widths: dict[str, int], width: int, label: int) -> dict[str, int]:
    kept = dict(widths)
    for name in _LEAST_FIRST:
        if label + _taken(kept) <= width:
            break
        kept.pop(name, None)
    return kept


def _taken(widths: dict[str, int]) -> int:
    return sum(widths.values()) + len(_GAP) * len(widths)


def _line(cells: Row, widths: dict[str, int]) -> str:
    texts = []
    for name, width in widths.items():
        space = " " * (width - cell_len(cells[name]))
        texts.append(cells[name] + space if name in _TO_THE_LEFT else space + cells[name])
    return _GAP.join(texts).rstrip()
