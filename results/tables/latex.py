"""A table as LaTeX for a two-column paper: groups of columns, the best, ties, the paper's numbers.

It wants booktabs, of wide tables graphicx as well. Up to three columns of numbers fit a column of
the page; more take its whole width (`table*`).
"""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from noisyseg.number_text import MINUS, decimal
from noisyseg.results.tables.standings import BEST, TIE

_CHARACTERS = {
    "\\": r"\textbackslash{}",
    **{character: f"\\{character}" for character in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': "''",
    "±": r"$\pm$",
    "×": r"$\times$",
    "–": "--",
    "—": "---",
    "…": r"\dots{}",
    "→": r"$\to$",
    "≤": r"$\leq$",
    "≥": r"$\geq$",
    MINUS: "$-$",
    "α": r"$\alpha$",
    "β": r"$\beta$",
    "γ": r"$\gamma$",
    "η": r"$\eta$",
}
_IN_A_COLUMN = 3
_MOST = {"small": 8, "footnotesize": 10}  # columns that a page of 6.9 inches has room for

Cell = Mapping[str, Any]


@dataclass(kw_only=True, slots=True, frozen=True)
class Sheet:
    """What the table shows.

    Attributes:
        title: its heading.
        value_name: what its numbers are.
        remark: what the caption ends with.
        columns: the heads of each: of its group, empty if it has none, and its own.
        rows: methods with a cell for each column, as `shown_table.Table.cells` has them, and its
            standing: best, tie or empty.
        notes: what a reader must know.
    """

    title: str
    value_name: str
    remark: str
    columns: Sequence[tuple[str, str]]
    rows: Sequence[tuple[str, Sequence[Cell]]]
    notes: Sequence[str]


def latex(sheet: Sheet) -> str:
    """The table's text, which ends with a line break."""
    counts = Counter(cell["n"] for _, cells in sheet.rows for cell in cells if cell["n"])
    usual = max(counts, key=lambda n: (counts[n], n), default=0)
    size = next((name for name, most in _MOST.items() if len(sheet.columns) <= most), None)
    place = "table" if len(sheet.columns) <= _IN_A_COLUMN else "table*"
    packages = "booktabs" if size else "booktabs,graphicx"
    lines = [
        rf"% \usepackage{{{packages}}}",
        rf"\begin{{{place}}}",
        r"\centering",
        rf"\caption{{{_caption(sheet, usual, several=len(counts) > 1)}}}",
        r"\smallskip",
        rf"\{size or 'small'}",
        r"\setlength{\tabcolsep}{3pt}",
        *([] if size else [r"\resizebox{\linewidth}{!}{%"]),
        rf"\begin{{tabular}}{{@{{}}l{'r' * len(sheet.columns)}@{{}}}}",
        r"\toprule",
        *_heads(sheet.columns),
        r"\midrule",
        *(line for row in sheet.rows for line in _lines(row, usual)),
        r"\bottomrule",
        rf"\end{{tabular}}{'' if size else '}'}",
    ]
    if sheet.notes:
        lines += ["", r"\smallskip", r"\begin{minipage}{\linewidth}", r"\footnotesize"]
        lines += [rf"{tex(note)}\par" for note in sheet.notes]
        lines.append(r"\end{minipage}")
    return "\n".join([*lines, rf"\end{{{place}}}"]) + "\n"


def tex(text: str) -> str:
    """A text in one line, none of whose characters means anything to TeX."""
    line = " ".join(str(text).split())
    return "".join(_CHARACTERS.get(character, character) for character in line)


def _caption(sheet: Sheet, usual: int, *, several: bool) -> str:
    """What the numbers are, over how many seeds, and what the marks mean."""
    cells = [cell for _, row in sheet.rows for cell in row]
    seeds = f"{usual} seed{'s' if usual > 1 else ''}" if usual else "seeds"
    known = {
        f"; in brackets n where it is not {usual}": several,
        "; below, in small, the paper's": any(cell["source"] is not None for cell in cells),
        " (?: not known)": any(
            cell["source"] is not None and math.isnan(cell["published"]) for cell in cells
        ),
    }
    parts = [
        f"{sheet.title}.",
        f"{sheet.value_name}: mean ± sd over {seeds}"
        f"{''.join(text for text, holds in known.items() if holds)}.",
    ]
    if usual == 1:
        parts.append("One seed gives no interval.")
    if any(cell["standing"] == BEST for cell in cells):
        parts.append(
            "Bold: the highest mean of a column; underlined: not told from it at equal seeds (t of "
            "differences, 5 % over all pairs of a column)."
        )
    return tex(" ".join([*parts, sheet.remark]))


def _heads(columns: Sequence[tuple[str, str]]) -> list[str]:
    """One line of heads, or above it a line of groups with their rules."""
    own = " & ".join(["Method", *(tex(head) for _, head in columns)]) + r" \\"
    if not any(group for group, _ in columns):
        return [own]
    heads, rules = [""], []
    for group, first, last in _groups(columns):
        wide = last - first + 1
        heads.append(
            rf"\multicolumn{{{wide}}}{{c}}{{{tex(group)}}}" if group else " & " * (wide - 1)
        )
        if group:
            rules.append(rf"\cmidrule(lr){{{first}-{last}}}")
    return [" & ".join(heads) + r" \\", "".join(rules), own]


def _groups(columns: Sequence[tuple[str, str]]) -> Iterator[tuple[str, int, int]]:
    """Each run of columns of one group, with its first and last place; methods are in the first."""
    place = 2
    for group, entries in groupby(columns, key=lambda column: column[0]):
        wide = len(list(entries))
        yield group, place, place + wide - 1
        place += wide


def _lines(row: tuple[str, Sequence[Cell]], usual: int) -> list[str]:
    """A method's line, and below it one of the paper's numbers, if it has any."""
    method, cells = row
    lines = [" & ".join([tex(method), *(_measured(cell, usual) for cell in cells)]) + r" \\"]
    if any(cell["source"] is not None for cell in cells):
        texts = [rf"{{\scriptsize {text}}}" if text else "" for text in map(_published, cells)]
        lines.append(" & ".join([r"\quad{\scriptsize paper}", *texts]) + r" \\")
    return lines


def _measured(cell: Cell, usual: int) -> str:
    if not cell["n"]:
        return "failed" if cell["failed"] else "---"
    text = number(cell["mean"])
    if cell["standing"] == BEST:
        text = rf"\textbf{{{text}}}"
    elif cell["standing"] == TIE:
        text = rf"\underline{{{text}}}"
    if cell["n"] > 1:
        text += rf"\,{{\scriptsize$\pm$\,{cell['sd']:.1f}}}"
    counts = [str(cell["n"])] if cell["n"] != usual else []
    counts += [f"{cell['failed']} failed"] if cell["failed"] else []
    return text + (rf"\,{{\scriptsize({', '.join(counts)})}}" if counts else "")


def _published(cell: Cell) -> str:
    if cell["source"] is None:
        return ""
    return "?" if math.isnan(cell["published"]) else number(cell["published"])


def number(value: float) -> str:
    """With one decimal and a minus sign; never a negative 0."""
    return decimal(value).replace(MINUS, "$-$")
