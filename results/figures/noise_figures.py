"""The figures of a noise report, each as the bytes of a PNG; equal data give equal bytes.

K classes.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, PowerNorm
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter, PercentFormatter
from numpy.typing import NDArray

from noisyseg.results.figures.contrast import text_on
from noisyseg.results.figures.style import (
    CHANGED,
    CLEAN,
    GREY,
    GRID,
    INK,
    NOISY,
    NOTHING,
    new_figure,
    own_style,
    png,
    short,
)

_FROM_WHITE = LinearSegmentedColormap.from_list(
    "from_white", ["#ffffff", "#fdd49e", "#f16913", "#8c1d04"]
)
_NUMBERS_UP_TO = 20  # classes whose cells have room for a number
_LABELS_UP_TO = 130
_LOGARITHMIC_FROM = 50  # times that the largest class is larger than the smallest


def rates_figure(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Intended, expected and realised rate of each step, with the realised one's interval.

    Args:
        rows: {label, intended, expected, realised, interval}; all but the label may be None.
    """
    with own_style():
        figure = new_figure(8.2, 1.3 + 0.5 * len(rows))
        axes = figure.subplots()
        for place, row in enumerate(rows):
            _draw_rates(axes, place, row)
        axes.set_yticks(range(len(rows)), labels=[row["label"] for row in rows])
        axes.set_ylim(len(rows) - 0.4, -0.6)
        shown = [row[key] for row in rows for key in ("intended", "expected", "realised")]
        shown += [row["interval"][1] for row in rows if row["interval"]]
        axes.set_xlim(0, min(1.02, 1.25 * max((v for v in shown if v is not None), default=1) or 1))
        axes.xaxis.set_major_formatter(PercentFormatter(1.0))
        _tidy(axes, "x")
        handles, labels = axes.get_legend_handles_labels()
        unique = dict(zip(labels, handles, strict=True))
        figure.legend(
            unique.values(), unique.keys(), loc="outside upper center", ncols=3, frameon=False
        )
        return png(figure)


Matrix: TypeAlias = Sequence[Sequence[float] | None]
"""Row-normalised, K x K; a row that is not known is None."""


def most_changed(*matrices: Matrix | None) -> float:
    """The largest share beside the diagonals of matrices that are to have one scale; 0 if none."""
    shares = [
        float(value)
        for matrix in matrices
        for row, values in enumerate(matrix or ())
        for column, value in enumerate(values or ())
        if row != column
    ]
    return max(shares, default=0.0)


def transition_figure(
    matrix: Matrix, names: Sequence[str], *, rows: str, columns: str, most: float
) -> bytes:
    """The bytes of `transition_drawing`."""
    with own_style():
        drawn = transition_drawing(matrix, names, rows=rows, columns=columns, most=most)
        return png(drawn, trimmed=True)


def transition_drawing(
    matrix: Matrix, names: Sequence[str], *, rows: str, columns: str, most: float
) -> Figure:
    """A row-normalised K x K matrix as a heat map; rows that are None stay empty.

    To be saved trimmed, within `own_style`. Colour tells where changed labels went, on a scale
    without the diagonal, beside which the classes that labels went to would all look alike. The
    diagonal is grey, a row that is None light grey.

    Args:
        matrix: to be drawn.
        names: of the K classes.
        rows, columns: what they are.
        most: where the scale ends; matrices that are compared want the same (`most_changed`).
    """
    k = len(names)
    values = np.array([[np.nan] * k if row is None else list(row) for row in matrix], dtype=float)
    values = values.reshape(k, k)
    diagonal = np.eye(k, dtype=bool)
    cell = 0.62 if k <= 10 else 0.42 if k <= _NUMBERS_UP_TO else max(0.135, 5 / k)
    side = max(min(cell * k, 16.0) / 0.85, 3.0)
    # Trimmed, it needs no layout, which takes seconds for the names of 80 classes.
    figure = new_figure(side / 0.8, side, layout=None)
    figure.subplots_adjust(left=0.15, bottom=0.15, right=1.0, top=1.0)
    axes = figure.subplots()
    axes.set_facecolor(NOTHING)
    kept = axes.imshow(np.where(diagonal, values, np.nan), cmap="Greys", vmin=0, vmax=2)
    # By the root: a few changed labels of many would be as pale as none.
    scale = PowerNorm(0.5, vmin=0, vmax=most or 1.0)
    changed = axes.imshow(np.where(diagonal, np.nan, values), cmap=_FROM_WHITE, norm=scale)
    bar = figure.colorbar(changed, ax=axes, shrink=0.7, format=PercentFormatter(1.0))
    bar.set_label("of the class in the row, changed to the class in the column")
    _label_classes(axes, names, rows=rows, columns=columns)
    if k <= _NUMBERS_UP_TO:
        shades = np.where(diagonal[..., None], kept.to_rgba(values), changed.to_rgba(values))
        _write_numbers(axes, values, shades)
    return figure


def counts_figure(
    names: Sequence[str], clean: Sequence[int], noisy: Sequence[int], labels: Sequence[str]
) -> bytes:
    """Annotations of each class in the two files, as pairs of bars."""
    with own_style():
        step = 0.42 if len(names) <= _NUMBERS_UP_TO else 0.22
        figure = new_figure(8.2, min(1.2 + step * max(len(names), 2), 40.0))
        axes = figure.subplots()
        places = np.arange(len(names))
        for shift, values, colour, label in (
            (-0.2, clean, CLEAN, labels[0]),
            (0.2, noisy, NOISY, labels[1]),
        ):
            axes.barh(places + shift, values, height=0.38, color=colour, label=label)
        axes.set_ylim(len(names) - 0.3, -0.7)
        axes.set_yticks(places, labels=short(names), fontsize=9 if len(names) <= 40 else 7)
        above = [value for value in (*clean, *noisy) if value > 0]
        logarithmic = bool(above) and max(above) >= _LOGARITHMIC_FROM * min(above)
        if logarithmic:
            axes.set_xscale("log")
            axes.set_xlim(left=0.7)
            axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
            axes.xaxis.set_minor_formatter(NullFormatter())
        scale = ", logarithmic" if logarithmic else ""
        axes.set_xlabel(f"annotations{scale}")
        _tidy(axes, "x")
        figure.legend(loc="outside upper center", ncols=2, frameon=False)
        return png(figure)


def overlap_figure(overlaps: Sequence[float]) -> bytes:
    """How much the changed masks still overlap the clean ones, as a histogram."""
    with own_style():
        figure = new_figure(8.2, 3.2)
        axes = figure.subplots()
        axes.hist(overlaps, bins=list(np.linspace(0, 1, 41)), color=CHANGED)
        axes.set_xlim(0, 1)
        axes.set_xlabel("IoU of the changed annotation with the clean one")
        axes.set_ylabel("annotations")
        _tidy(axes, "y")
        return png(figure)


def _draw_rates(axes: Axes, place: int, row: Mapping[str, Any]) -> None:
    if row["intended"] is not None:
        axes.plot(
            row["intended"], place, "D", color="none", mec=GREY, ms=11, mew=1.4, label="intended"
        )
    if row["expected"] is not None:
        axes.plot(row["expected"], place, "|", color=INK, ms=20, mew=1.8, label="expected")
    if row["realised"] is not None:
        low, high = row["interval"] or (row["realised"], row["realised"])
        axes.errorbar(
            row["realised"],
            place,
            xerr=[[max(row["realised"] - low, 0)], [max(high - row["realised"], 0)]],
            fmt="o",
            ms=5,
            capsize=4,
            color=CHANGED,
            label="realised, 95 % interval",
        )


def _label_classes(axes: Axes, names: Sequence[str], *, rows: str, columns: str) -> None:
    if len(names) <= _LABELS_UP_TO:
        size = 9.0 if len(names) <= _NUMBERS_UP_TO else 7.0
        places = range(len(names))
        axes.set_yticks(places, labels=short(names), fontsize=size)
        axes.set_xticks(places, labels=short(names), fontsize=size, rotation=90)
    axes.set_xlabel(columns)
    axes.set_ylabel(rows)
    axes.tick_params(length=0)
    if len(names) > 1:
        edges = np.arange(len(names) - 1) + 0.5
        axes.hlines(edges, -0.5, len(names) - 0.5, color="#dfe3e8", linewidth=0.6)
        axes.vlines(edges, -0.5, len(names) - 0.5, color="#dfe3e8", linewidth=0.6)


def _write_numbers(axes: Axes, values: NDArray[np.float64], shades: NDArray[np.float64]) -> None:
    """Each number, read well on its shade; shape of the shades (K, K, 4)."""
    for (i, j), value in np.ndenumerate(values):
        if np.isnan(value) or (value == 0 and i != j):
            continue
        axes.text(
            j,
            i,
            f"{100 * value:.0f}" if value >= 0.095 or value == 0 else f"{100 * value:.1f}",
            ha="center",
            va="center",
            fontsize=9 if len(values) <= 10 else 7,
            color=text_on(shades[i, j]),
        )


def _tidy(axes: Axes, direction: str) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis=direction, color=GRID, linewidth=0.8)  # type: ignore[arg-type]
    axes.set_axisbelow(True)
