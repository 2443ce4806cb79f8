"""A table as Markdown, CSV, LaTeX, HTML and JSON: one list of cells, shown in five ways."""

import json
import math
from collections.abc import Callable, Sequence
from html import escape
from typing import Any

from noisyseg.number_text import decimal
from noisyseg.results.tables.latex import Sheet, latex
from noisyseg.results.tables.shown_table import Table

ENDINGS = {"md": "md", "csv": "csv", "latex": "tex", "html": "html", "json": "json"}
"""Format → the ending of its files."""
MISSING = "—"


def render(table: Table, kind: str) -> str:
    """The table in one of the formats of `ENDINGS`; ends with a line break."""
    return _RENDERERS[kind](table)


def _markdown(table: Table) -> str:
    lines = [f"## {_one_line(table.title)}", "", _caption(table), ""]
    lines.append(_row(["Method", *table.heads]))
    lines.append("|" + "|".join([":---", *["---:"] * len(table.heads)]) + "|")
    for method, cells in _grid(table):
        lines.append(_row([method, *map(cell_text, cells)]))
    for note in table.notes:
        lines += ["", _one_line(note)]
    return "\n".join(lines) + "\n"


def _csv(table: Table) -> str:
    # A zero of the sum has no minus.
    cells = table.cells.apply(lambda own: own + 0.0 if own.dtype == float else own)
    text: str = cells.to_csv(index=False, lineterminator="\n")
    return text


def _json(table: Table) -> str:
    rows = [
        {name: _plain(value) for name, value in row.items()}
        for row in table.cells.to_dict(orient="records")
    ]
    document = {
        "title": table.title,
        "value": table.value_name,
        "remark": table.remark,
        "notes": list(table.notes),
        "cells": rows,
    }
    return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _latex(table: Table) -> str:
    rows = [
        (
            method,
            [
                cell | {"standing": table.standings.get((method, cell["noise"], cell["metric"]))}
                for cell in cells
            ],
        )
        for method, cells in _grid(table)
    ]
    sheet = Sheet(
        title=table.title,
        value_name=table.value_name,
        remark=table.remark,
        columns=[_grouped(table, *column) for column in table.columns],
        rows=rows,
        notes=table.notes,
    )
    return latex(sheet)


def _grouped(table: Table, noise: str, metric: str) -> tuple[str, str]:
    """The heads of a column's group, empty if it has none, and of the column."""
    other = "" if metric == table.columns[0][1] else f", {metric}"
    if noise not in table.groups:
        return "", f"{noise}{other}"
    kind, rate = table.groups[noise]
    return f"{kind[:1].upper()}{kind[1:]}{other}", f"{100 * rate:g} %"


def _html(table: Table) -> str:
    heads = "".join(f'<th scope="col">{escape(head)}</th>' for head in table.heads)
    body = []
    for method, cells in _grid(table):
        entries = "".join(f"<td>{escape(cell_text(cell))}</td>" for cell in cells)
        body.append(f'<tr><th scope="row">{escape(method)}</th>{entries}</tr>')
    notes = "".join(f"<p>{escape(_one_line(note))}</p>\n" for note in table.notes)
    return (
        f"<table>\n<caption>{escape(_one_line(table.title))}. {escape(_caption(table))}</caption>\n"
        f'<thead><tr><th scope="col">Method</th>{heads}</tr></thead>\n'
        f"<tbody>\n{chr(10).join(body)}\n</tbody>\n</table>\n{notes}"
    )


_RENDERERS: dict[str, Callable[[Table], str]] = {
    "md": _markdown,
    "csv": _csv,
    "latex": _latex,
    "html": _html,
    "json": _json,
}


def cell_text(cell: dict[str, Any]) -> str:
    """A cell for people: 29.1 ± 0.4 (n=3); paper 31.5 (−2.4)."""
    text = _measured(cell)
    if cell["source"] is None:
        return text
    if math.isnan(cell["published"]):
        return f"{text}; paper unknown"
    gap = "" if math.isnan(cell["difference"]) else f" ({decimal(cell['difference'], sign=True)})"
    return f"{text}; paper {decimal(cell['published'])}{gap}"


def _measured(cell: dict[str, Any]) -> str:
    if not cell["n"]:
        return "failed" if cell["failed"] else MISSING
    spread = f" ± {decimal(cell['sd'])}" if cell["n"] > 1 else ""
    lost = f", {cell['failed']} failed" if cell["failed"] else ""
    if not math.isnan(cell["sd_noise"]):
        parts = {"noise seeds": "sd_noise", "train seeds": "sd_train", "rest": "sd_rest"}
        lost += "; " + ", ".join(f"{name} {decimal(cell[sd])}" for name, sd in parts.items())
    return f"{decimal(cell['mean'])}{spread} (n={cell['n']}{lost})"


def _caption(table: Table) -> str:
    beside = "" if table.cells["source"].isna().all() else "; beside it the paper's, and the gap"
    cells = table.cells
    alone = " One seed gives no interval." if (cells["n"] == 1).any() else ""
    if ((cells["n"] > 1) & cells["low"].isna()).any():
        alone += " Runs that all share a noise seed, or a train seed, give no interval."
    remark = f" {_one_line(table.remark)}" if table.remark else ""
    return f"{_one_line(table.value_name)}: mean ± sd over n seeds{beside}.{alone}{remark}"


def _grid(table: Table) -> list[tuple[str, list[dict[str, Any]]]]:
    rows = table.cells.to_dict(orient="records")
    cells = {(row["method"], row["noise"], row["metric"]): row for row in rows}
    return [
        (method, [cells[method, noise, metric] for noise, metric in table.columns])
        for method in table.methods
    ]


def _plain(value: Any) -> Any:
    if isinstance(value, float) and math.isnan(value):
        return None
    plain = value.item() if hasattr(value, "item") else value
    return plain + 0.0 if isinstance(plain, float) else plain  # a zero without its minus


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(_one_line(cell).replace("|", r"\|") for cell in cells) + " |"


def _one_line(text: str) -> str:
    return " ".join(str(text).split())
