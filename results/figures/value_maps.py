"""Heat maps of a suite's results: methods by noise, and what each class lost.

Readable without colour: every cell has its number.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from numpy.typing import NDArray

from noisyseg.number_text import decimal
from noisyseg.results.figures.contrast import text_on
from noisyseg.results.figures.style import FONT, INK, new_figure, short, wrapped_title
from noisyseg.results.tables.shown_table import Table

_MAP, _DIFFERENCES = "cividis", "PuOr"
_CELL = (0.78, 0.36)  # inches
_LOW_CELL = (0.62, 0.25)  # of a map with many classes, which are its rows then
_MOST_ACROSS = 12  # classes


def map_figure(table: Table, title: str) -> Figure:
    """Methods by noise as a heat map with the means in its cells; what is not known is a dash."""
    values = np.full((len(table.methods), len(table.noises)), np.nan)
    for row in table.cells.to_dict(orient="records"):
        place = table.methods.index(row["method"]), table.noises.index(row["noise"])
        values[place] = row["mean"]
    look = _Look(title=title, label=table.value_name, colours=_MAP)
    return _map(values, table.methods, table.noises, look)


def class_figure(
    losses: NDArray[np.float64], methods: Sequence[str], classes: Sequence[str], title: str
) -> Figure:
    """What each class's AP lost to the noise, methods by classes; many classes are the rows.

    Args:
        losses: noisy minus clean AP in percent points, shape (methods, classes); NaN where one of
            them is not known.
        methods: their labels.
        classes: their labels.
        title: of the figure.
    """
    most = float(np.nanmax(np.abs(losses))) if np.isfinite(losses).any() else 1.0
    label = "AP, noisy minus clean (points)"
    look = _Look(title=title, label=label, colours=_DIFFERENCES, limits=(-most, most))
    if len(classes) > _MOST_ACROSS:
        return _map(losses.T, classes, methods, replace(look, cell=_LOW_CELL))
    return _map(losses, methods, classes, look)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Look:
    """Of a heat map: title, what its colours are of, which, their limits; a cell's size."""

    title: str
    label: str
    colours: str
    limits: tuple[float, float] | tuple[None, None] = (None, None)
    cell: tuple[float, float] = _CELL


def _map(
    values: NDArray[np.float64], rows: Sequence[str], columns: Sequence[str], look: _Look
) -> Figure:
    wide = look.cell[0] * max(len(columns), 3)
    longest = max(map(len, short(rows)))
    width = wide + 0.085 * longest + 1.9
    figure = new_figure(width, look.cell[1] * max(len(rows), 3) + 1.9)
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
    figure.suptitle(wrapped_title(look.title, width), x=0.01, ha="left", fontsize=12)
    return figure


def _write_values(axes: Axes, image: AxesImage, values: NDArray[np.float64]) -> None:
    for (row, column), value in np.ndenumerate(values):
        known = np.isfinite(value)
        text = decimal(float(value))
        axes.text(
            column,
            row,
            text if known else "—",
            ha="center",
            va="center",
            fontsize=FONT,
            color=text_on(image.to_rgba(np.array([value]))[0]) if known else INK,
        )
