"""Figures of small panels, one a method, all with the same limits."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from noisyseg.results.figures.style import GRID, new_figure, short
from noisyseg.results.records.loss_at_work import Report

_COLUMNS = {1: 1, 2: 2, 3: 3, 4: 2, 5: 3, 6: 3, 9: 3}  # of so many panels; else:
_MOST_COLUMNS = 4
_SCALES = {1: 2.7, 2: 1.5}  # of figures with so few columns
_LINE = 0.22  # inches of the title
_PANEL = (2.7, 1.75)  # inches, of the axes alone
_GAP = (0.3, 0.5)
_MARGIN = {"left": 0.85, "right": 0.25, "top": 0.78, "bottom": 0.65}


@dataclass(kw_only=True, slots=True, frozen=True)
class Panel:
    """A method's runs that differ in their seed alone: of each, the reports of its epochs."""

    label: str
    runs: Sequence[Sequence[Report]]


def panel_grid(panels: Sequence[Panel], title: str, *, x: str, y: str) -> tuple[Figure, list[Axes]]:
    """A figure with axes for each panel, all with the same limits."""
    columns = _COLUMNS.get(len(panels), _MOST_COLUMNS)
    rows = math.ceil(len(panels) / columns)
    scale = _SCALES.get(columns, 1.0)
    wide, high = scale * _PANEL[0], scale * _PANEL[1]
    top = _MARGIN["top"] + _LINE * title.count("\n")
    width = _MARGIN["left"] + _MARGIN["right"] + columns * wide + (columns - 1) * _GAP[0]
    height = top + _MARGIN["bottom"] + rows * high + (rows - 1) * _GAP[1]
    figure = new_figure(width, height, layout=None)
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    figure.subplots_adjust(
        left=_MARGIN["left"] / width,
        right=1 - _MARGIN["right"] / width,
        top=1 - top / height,
        bottom=_MARGIN["bottom"] / height,
        wspace=_GAP[0] / wide,
        hspace=_GAP[1] / high,
    )
    used = list(grid.flat)[: len(panels)]
    for axes in grid.flat[len(panels) :]:
        axes.remove()
    for place, (axes, panel) in enumerate(zip(used, panels, strict=True)):
        axes.set_title(short([panel.label])[0], fontsize=11, loc="left", pad=4)
        axes.tick_params(labelsize=9.5, labelbottom=place + columns >= len(panels))
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(color=GRID, linewidth=0.8)
        axes.set_axisbelow(True)
    figure.suptitle(title, x=0.12 / width, y=1 - 0.1 / height, ha="left", va="top", fontsize=12)
    middle = (_MARGIN["left"] + (width - _MARGIN["right"])) / 2 / width
    figure.supxlabel(x, x=middle, y=0.1 / height, fontsize=11)
    figure.supylabel(y, x=0.1 / width, fontsize=11)
    return figure, used


def add_legend(figure: Figure, grid: Sequence[Axes]) -> None:
    """One legend for all panels, below the title."""
    found: dict[str, Any] = {}
    for axes in grid:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            found.setdefault(label, handle)
    height = figure.get_size_inches()[1]
    lines = figure.get_suptitle().count("\n")
    figure.legend(
        found.values(),
        found.keys(),
        loc="upper left",
        bbox_to_anchor=(0.0, 1 - (0.27 + _LINE * lines) / height),
        ncols=len(found),
        frameon=False,
        fontsize=10,
        handlelength=2.6,
        columnspacing=1.2,
    )
