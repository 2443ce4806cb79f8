"""Figures of a suite's results: AP against the noise rate, methods by noise, and loss by class.

Readable without colour: lines differ in style and marker, and every cell of a map has its number.
"""

import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from numpy.typing import NDArray

from noisyseg.results.figures.style import COLOURS, FONT, MARKERS, STYLES, new_figure, short
from noisyseg.results.tables.formats import Table

_MAP, _DIFFERENCES = "cividis", "PuOr"
_CELL = (0.78, 0.36)  # inches


def rate_figure(table: Table, rates: Mapping[str, tuple[str, float] | None], title: str) -> Figure:
    """The metric against the noise rate, a panel for each kind of noise, a line for each method.

    Bars are the means' 95 % intervals; one seed has none.

    Args:
        table: methods by noise.
        rates: noise label → its kind and rate in [0, 1]; None for clean, which begins each line.
            Noise without a rate is left out.
        title: of the figure.
    """
    kinds = list(dict.fromkeys(entry[0] for entry in rates.values() if entry is not None))
    methods = table.methods
    width = max(5.2, 3.4 * len(kinds) + 0.6)
    # As many columns as the longest label leaves room for.
    fitting = int((width - 0.2) / (0.095 * max(map(len, short(methods))) + 0.62))
    columns = max(1, min(fitting, len(methods), 6))
    figure = new_figure(width, 3.6 + 0.24 * math.ceil(len(methods) / columns))
    grid = figure.subplots(1, len(kinds), sharey=True, squeeze=False)[0]
    cells = {(row["method"], row["noise"]): row for row in table.cells.to_dict(orient="records")}
    for axes, kind in zip(grid, kinds, strict=True):
        points = sorted(
            (0.0 if entry is None else entry[1], label)
            for label, entry in rates.items()
            if entry is None or entry[0] == kind
        )
        for place, method in enumerate(methods):
            _draw_line(
                axes, place, [(rate, cells[method, label]) for rate, label in points], method
            )
        _dress(axes, kind, [100 * rate for rate, _ in points])
    grid[0].set_ylabel(table.value_name, fontsize=11)
    grid[0].set_ylim(bottom=0)
    handles, labels = grid[0].get_legend_handles_labels()
    figure.legend(
        handles,
        short(labels),
        loc="outside lower center",
        ncols=columns,
        frameon=False,
        fontsize=FONT,
    )
    figure.suptitle(_wrapped(title, width), x=0.01, ha="left", fontsize=12)
    return figure


def _dress(axes: Axes, kind: str, ticks: Sequence[float]) -> None:
    axes.set_title(kind, fontsize=11, loc="left")
    axes.set_xticks(ticks)
    axes.tick_params(labelsize=FONT)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="#dddddd", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.set_xlabel("noise rate (%)", fontsize=11)


def _wrapped(title: str, width: float) -> str:
    """In lines that a figure of so many inches has room for."""
    return textwrap.fill(title, max(20, int(10.5 * width)))


def _draw_line(
    axes: Axes, place: int, points: Sequence[tuple[float, Mapping[str, Any]]], label: str
) -> None:
    known = [(rate, cell) for rate, cell in points if cell["n"]]
    spread = [0.0 if math.isnan(cell["high"]) else cell["high"] - cell["mean"] for _, cell in known]
    axes.errorbar(
        [100 * rate for rate, _ in known],
        [cell["mean"] for _, cell in known],
        yerr=spread if any(spread) else None,
        label=label,
        color=COLOURS[place % len(COLOURS)],
        linestyle=STYLES[(place + place // len(COLOURS)) % len(STYLES)],
        marker=MARKERS[place % len(MARKERS)],
        markersize=5.5,
        # After eight methods colours and markers come again: hollow, and in another style.
        markerfacecolor="white" if place // len(COLOURS) % 2 else None,
        linewidth=1.6,
        capsize=3,
    )


def map_figure(table: Table, title: str) -> Figure:
    """Methods by noise as a heat map with the means in its cells; what is not known stays white."""
    values = np.full((len(table.methods), len(table.noises)), np.nan)
    for row in table.cells.to_dict(orient="records"):
        place = table.methods.index(row["method"]), table.noises.index(row["noise"])
        values[place] = row["mean"]
    look = _Look(title=title, label=table.value_name, colours=_MAP)
    return _map(values, table.methods, table.noises, look)


def class_figure(
    losses: NDArray[np.float64], methods: Sequence[str], classes: Sequence[str], title: str
) -> Figure:
    """What each class's AP lost to the noise, methods by classes.

    Args:
        losses: noisy minus clean AP in percent points, shape (methods, classes); NaN where one of
            them is not known.
        methods: labels of the rows.
        classes: labels of the columns.
        title: of the figure.
    """
    most = float(np.nanmax(np.abs(losses))) if np.isfinite(losses).any() else 1.0
    label = "AP, noisy minus clean (points)"
    look = _Look(title=title, label=label, colours=_DIFFERENCES, limits=(-most, most))
    return _map(losses, methods, classes, look)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Look:
    """Of a heat map: its title, what its colours are of, which they are, and their limits."""

    title: str
    label: str
    colours: str
    limits: tuple[float, float] | tuple[None, None] = (None, None)


def _map(
    values: NDArray[np.float64], rows: Sequence[str], columns: Sequence[str], look: _Look
) -> Figure:
    wide = _CELL[0] * max(len(columns), 3)
    longest = max(map(len, short(rows)))
    width = wide + 0.085 * longest + 1.9
    figure = new_figure(width, _CELL[1] * max(len(rows), 3) + 1.9)
    axes = figure.subplots()
    low, high = look.limits
    image = axes.imshow(values, cmap=look.colours, aspect="auto", vmin=low, vmax=high)
    axes.set_yticks(range(len(rows)), labels=short(rows), fontsize=FONT)
    turned = max(map(len, short(columns))) > 7
    axes.set_xticks(
        range(len(columns)),
        labels=short(columns),
        fontsize=FONT,
        rotation=35 if turned else 0,
        ha="right" if turned else "center",
    )
    axes.spines[:].set_visible(False)
    _write_values(axes, image, values)
    bar = figure.colorbar(image, ax=axes)
    bar.set_label(look.label, fontsize=FONT)
    figure.suptitle(_wrapped(look.title, width), x=0.01, ha="left", fontsize=12)
    return figure


def _write_values(axes: Axes, image: AxesImage, values: NDArray[np.float64]) -> None:
    for (row, column), value in np.ndenumerate(values):
        if np.isfinite(value):
            shade = image.to_rgba(np.array([value]))[0]
            dark = 0.299 * shade[0] + 0.587 * shade[1] + 0.114 * shade[2] < 0.55
            axes.text(
                column,
                row,
                f"{value:.1f}".replace("-", "\N{MINUS SIGN}"),
                ha="center",
                va="center",
                fontsize=FONT,
                color="white" if dark else "black",
            )
