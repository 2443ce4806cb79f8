"""A metric against the noise rate, a line for each method.

Readable without colour: lines differ in style and marker, and stand side by side where their
numbers are the same.
"""

import math
from collections.abc import Hashable, Mapping, Sequence
from itertools import pairwise
from statistics import fmean
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from noisyseg.results.figures.method_looks import look_of
from noisyseg.results.figures.style import (
    FONT,
    GRID,
    MIDDLE_GREY,
    PAPER,
    new_figure,
    short,
    wrapped_title,
)
from noisyseg.results.tables.shown_table import Table

MOST_LINES = 8
"""Of so many methods each has its colour; of more, the first and the best, the others are grey."""
_HIGHLIGHTED = 6
_SIDE_BY_SIDE = 0.2  # of the smallest step between two rates: what the methods' places take

Rates = Mapping[str, tuple[str, float] | None]
"""Noise label → its kind and rate in [0, 1]; None for clean."""
Cells = Mapping[Hashable, Mapping[str, Any]]


def rate_figure(table: Table, rates: Rates, title: str) -> Figure:
    """The metric against the noise rate, a panel for each kind of noise, a line for each method.

    Bars are the means' 95 % intervals; one seed has none.

    Args:
        table: methods by noise.
        rates: clean begins each line; noise without a rate is left out.
        title: of the figure.
    """
    kinds = list(dict.fromkeys(entry[0] for entry in rates.values() if entry is not None))
    chosen, others = highlighted(table)
    width = max(5.2, 3.4 * len(kinds) + 0.6)
    columns = _legend_columns(width, [*chosen, *others[:1]])
    figure = new_figure(width, 3.6 + 0.24 * math.ceil((len(chosen) + bool(others)) / columns))
    grid = figure.subplots(1, len(kinds), sharey=True, squeeze=False)[0]
    cells = {(row["method"], row["noise"]): row for row in table.cells.to_dict(orient="records")}
    for axes, kind in zip(grid, kinds, strict=True):
        points = sorted(
            (0.0 if entry is None else 100 * entry[1], label)
            for label, entry in rates.items()
            if entry is None or entry[0] == kind
        )
        for method in others:
            known = [(x, cells[method, label]) for x, label in points]
            _draw_other(axes, known, label=f"{len(others)} others")
        for shift, method in zip(_shifts(points, len(chosen)), chosen, strict=True):
            _draw_line(axes, [(x + shift, cells[method, label]) for x, label in points], method)
        _dress(axes, kind, [x for x, _ in points])
    grid[0].set_ylabel(table.value_name, fontsize=11)
    grid[0].set_ylim(bottom=0)
    _add_legend(figure, grid[0], columns)
    figure.suptitle(wrapped_title(title, width), x=0.01, ha="left", fontsize=12)
    return figure


def highlighted(table: Table) -> tuple[list[str], list[str]]:
    """The methods that have a line in their colour, and the others, each in the table's order.

    Of more than `MOST_LINES` methods those highlighted are the table's first, which others are
    held against, and those whose mean over the settings that they have is highest.
    """
    methods = table.methods
    if len(methods) <= MOST_LINES:
        return methods, []
    cells = table.cells[table.cells["n"] > 0]
    means = cells.groupby("method")["mean"].mean().to_dict()
    ranked = sorted(methods[1:], key=lambda name: -means.get(name, -math.inf))
    chosen = {methods[0], *ranked[: _HIGHLIGHTED - 1]}
    return [m for m in methods if m in chosen], [m for m in methods if m not in chosen]


def _shifts(points: Sequence[tuple[float, str]], count: int) -> list[float]:
    """Where each of so many methods stands beside a rate, in percent points."""
    rates = sorted({x for x, _ in points})
    steps = [high - low for low, high in pairwise(rates)]
    room = _SIDE_BY_SIDE * min(steps, default=10.0)
    middle = fmean(range(count))
    return [room * (place - middle) / max(count, 4) for place in range(count)]


def _legend_columns(width: float, labels: Sequence[str]) -> int:
    """As many as the longest label leaves room for."""
    fitting = int((width - 0.2) / (0.095 * max(map(len, short(labels))) + 0.62))
    return max(1, min(fitting, len(labels), 6))


def _add_legend(figure: Figure, axes: Axes, columns: int) -> None:
    handles, labels = axes.get_legend_handles_labels()
    entries = dict(zip(labels, handles, strict=True))
    others = [label for label in entries if not hasattr(entries[label], "has_yerr")]
    order = [*(label for label in entries if label not in others), *others]  # the grey ones last
    figure.legend(
        [entries[label] for label in order],
        short(order),
        loc="outside lower center",
        ncols=columns,
        frameon=False,
        fontsize=FONT,
        handlelength=3.2,
    )


def _dress(axes: Axes, kind: str, ticks: Sequence[float]) -> None:
    axes.set_title(kind, fontsize=11, loc="left")
    axes.set_xticks(ticks)
    axes.tick_params(labelsize=FONT)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.set_xlabel("noise rate (%)", fontsize=11)


def _draw_other(
    axes: Axes, points: Sequence[tuple[float, Mapping[str, Any]]], *, label: str
) -> None:
    known = [(x, cell["mean"]) for x, cell in points if cell["n"]]
    axes.plot(
        [x for x, _ in known],
        [mean for _, mean in known],
        color=MIDDLE_GREY,
        linewidth=0.7,
        label=label,
    )


def _draw_line(axes: Axes, points: Sequence[tuple[float, Mapping[str, Any]]], label: str) -> None:
    known = [(x, cell) for x, cell in points if cell["n"]]
    spread = [0.0 if math.isnan(cell["high"]) else cell["high"] - cell["mean"] for _, cell in known]
    look = look_of(label)
    axes.errorbar(
        [x for x, _ in known],
        [cell["mean"] for _, cell in known],
        yerr=spread if any(spread) else None,
        label=label,
        color=look.colour,
        linestyle=look.style,
        marker=look.marker,
        markersize=6,
        markerfacecolor=PAPER if look.hollow else None,
        linewidth=1.6,
        elinewidth=1.0,
        capsize=2.5,
    )
