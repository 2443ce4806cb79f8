"""Figures of what the class loss does in training, a panel for each method.

Readable without colour: lines differ in style and marker, histograms in hatching. Equal data give
equal bytes.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, PercentFormatter, SymmetricalLogLocator

from noisyseg.results.loss_at_work import (
    BIN_WIDTH,
    BINS,
    PAPERS_SHARES,
    PAPERS_THRESHOLD,
    Report,
    pooled,
)
from noisyseg.results.noise_figures import CLEAN, NOISY, new_figure, own_style, short

FORMATS = ("png", "svg", "pdf")
_COLUMNS = 4
_PANEL = (2.7, 1.75)  # inches, of the axes alone
_GAP = (0.3, 0.5)
_MARGIN = {"left": 0.85, "right": 0.25, "top": 1.0, "bottom": 0.65}
_LEAST_SHARE = 1e-4  # that a histogram shows
_WITHOUT_DATE: Mapping[str, dict[str, None]] = {
    "png": {"Software": None},
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}


@dataclass(kw_only=True, slots=True, frozen=True)
class Panel:
    """A method's runs that differ in their seed alone: of each, the reports of its epochs."""

    label: str
    runs: Sequence[Sequence[Report]]


@dataclass(kw_only=True, slots=True, frozen=True)
class Curve:
    """A number by epoch, and how its line looks."""

    label: str
    value: Callable[[Report], float | None]
    colour: str
    style: Any
    marker: str


def _size(name: str) -> Callable[[Report], float | None]:
    return lambda report: report["sets"][name]


def _of(part: str, name: str) -> Callable[[Report], float | None]:
    return lambda report: report[part][name]


_SIZES = (
    Curve(label="N", value=_size("negative"), colour="#5f6368", style="-", marker=""),
    Curve(label="PSN", value=_size("pseudo_negative"), colour=CLEAN, style="--", marker="s"),
    Curve(label="PON", value=_size("potential_noisy"), colour=NOISY, style="-", marker="o"),
    Curve(
        label="PSN and PON",
        value=_size("pseudo_and_potential"),
        colour="#7b3fa0",
        style=":",
        marker="^",
    ),
    Curve(label="OS", value=_size("other"), colour="#222222", style="-.", marker=""),
)
_FATES = (
    Curve(
        label="the given label (memorised)",
        value=_of("noisy_shares", "memorised"),
        colour=NOISY,
        style="-",
        marker="o",
    ),
    Curve(
        label="the true label (recovered)",
        value=_of("noisy_shares", "recovered"),
        colour=CLEAN,
        style="--",
        marker="s",
    ),
    Curve(
        label="background",
        value=_of("noisy_shares", "background"),
        colour="#222222",
        style=":",
        marker="",
    ),
    Curve(
        label="another class",
        value=_of("noisy_shares", "another"),
        colour="#8a8f94",
        style="-.",
        marker="",
    ),
)
_DETECTOR = (
    Curve(
        label="precision", value=_of("detector", "precision"), colour=CLEAN, style="-", marker="o"
    ),
    Curve(label="recall", value=_of("detector", "recall"), colour=NOISY, style="--", marker="s"),
)


def histogram_figure(panels: Sequence[Panel], title: str) -> Figure:
    """Cross entropy of clean and of noisy RoIs in the last epoch (the paper, figure 5).

    Several seeds are pooled. The title of a panel gives the shares above the paper's threshold.
    """
    paper = ", ".join(f"{100 * share:.3g} % of {name}" for name, share in PAPERS_SHARES.items())
    figure, grid = _grid(
        panels,
        f"{title}\ncross entropy above {PAPERS_THRESHOLD}; the paper: {paper} RoIs",
        x="cross entropy (nats)",
        y="share of the RoIs of a kind",
    )
    for axes, panel in zip(grid, panels, strict=True):
        _draw_histograms(axes, pooled([epochs[-1] for epochs in panel.runs]))
        axes.set_yscale("log")
        axes.set_ylim(_LEAST_SHARE, 1.5)
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g} %"))
        axes.minorticks_off()
        axes.set_xlim(0, (BINS + 1) * BIN_WIDTH)
        axes.set_xticks([0, 3, 6, 9, 12, 16], labels=["0", "3", "6", "9", "12", "16+"])
    _legend(figure, grid)
    return figure


def sizes_figure(panels: Sequence[Panel], title: str) -> Figure:
    """How many RoIs of an epoch are in which of the paper's sets, by epoch."""
    figure, grid = _grid(panels, title, x="epoch", y="RoIs in an epoch")
    for axes in _draw_curves(grid, panels, _SIZES):
        axes.set_yscale("symlog", linthresh=1)
        axes.set_ylim(bottom=0)
        axes.yaxis.set_major_locator(SymmetricalLogLocator(base=10, linthresh=1))
        axes.yaxis.get_major_locator().set_params(numticks=6)
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    _legend(figure, grid)
    return figure


def fates_figure(panels: Sequence[Panel], title: str) -> Figure:
    """What noisy RoIs are predicted as, by epoch."""
    figure, grid = _grid(panels, title, x="epoch", y="share of noisy RoIs")
    _as_shares(_draw_curves(grid, panels, _FATES))
    _legend(figure, grid)
    return figure


def detector_figure(panels: Sequence[Panel], title: str) -> Figure:
    """Precision and recall of PON as a detector of wrong labels, by epoch."""
    figure, grid = _grid(panels, title, x="epoch", y="of RoIs")
    _as_shares(_draw_curves(grid, panels, _DETECTOR))
    _legend(figure, grid)
    return figure


def drawn(
    make: Callable[[Sequence[Panel], str], Figure],
    panels: Sequence[Panel],
    title: str,
    formats: Iterable[str],
) -> dict[str, bytes]:
    """A figure as the bytes of a file of each format.

    Args:
        make: one of this module's figures.
        panels: at least one.
        title: what the figure is of.
        formats: of `FORMATS`.
    """
    with own_style():
        matplotlib.rcParams.update(
            {"svg.hashsalt": "noisyseg", "pdf.fonttype": 42, "hatch.linewidth": 0.7}
        )
        figure = make(panels, title)
        return {name: _rendered(figure, name) for name in formats}


def _rendered(figure: Figure, name: str) -> bytes:
    buffer = BytesIO()
    figure.savefig(buffer, format=name, metadata=_WITHOUT_DATE[name])
    return buffer.getvalue()


def _grid(panels: Sequence[Panel], title: str, *, x: str, y: str) -> tuple[Figure, list[Axes]]:
    """A figure with axes for each panel, all with the same limits."""
    # Two by two rather than three and one; a single panel is drawn larger.
    columns = min(_COLUMNS, math.ceil(math.sqrt(len(panels))) if len(panels) <= 9 else _COLUMNS)
    rows = math.ceil(len(panels) / columns)
    scale = 2.0 if len(panels) == 1 else 1.5 if columns == 2 else 1.0
    wide, high = scale * _PANEL[0], scale * _PANEL[1]
    width = _MARGIN["left"] + _MARGIN["right"] + columns * wide + (columns - 1) * _GAP[0]
    height = _MARGIN["top"] + _MARGIN["bottom"] + rows * high + (rows - 1) * _GAP[1]
    figure = new_figure(width, height, layout=None)
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    figure.subplots_adjust(
        left=_MARGIN["left"] / width,
        right=1 - _MARGIN["right"] / width,
        top=1 - _MARGIN["top"] / height,
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
        axes.grid(color="#dddddd", linewidth=0.8)
        axes.set_axisbelow(True)
    figure.suptitle(title, x=0.12 / width, y=1 - 0.1 / height, ha="left", va="top", fontsize=12)
    middle = (_MARGIN["left"] + (width - _MARGIN["right"])) / 2 / width
    figure.supxlabel(x, x=middle, y=0.1 / height, fontsize=11)
    figure.supylabel(y, x=0.1 / width, fontsize=11)
    return figure, used


def _legend(figure: Figure, grid: Sequence[Axes]) -> None:
    """One legend for all panels, below the title."""
    found: dict[str, Any] = {}
    for axes in grid:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            found.setdefault(label, handle)
    height = figure.get_size_inches()[1]
    figure.legend(
        found.values(),
        found.keys(),
        loc="upper left",
        bbox_to_anchor=(0.0, 1 - 0.47 / height),
        ncols=len(found),
        frameon=False,
        fontsize=10,
        handlelength=2.6,
        columnspacing=1.2,
    )


def _draw_histograms(axes: Axes, report: Report) -> None:
    edges = np.arange(BINS + 2) * BIN_WIDTH
    looks = {
        "clean": {"color": CLEAN, "alpha": 0.45, "linewidth": 0},
        "unknown": {"color": "#8a8f94", "alpha": 0.45, "linewidth": 0},
        "noisy": {"facecolor": "none", "edgecolor": "#a8480c", "hatch": "////", "linewidth": 1.3},
    }
    for group, look in looks.items():
        rois = report[group]["rois"]
        if rois:
            shares = np.array(report[group]["histogram"]) / rois
            axes.stairs(shares, edges, fill=True, baseline=0, label=f"{group} RoIs", **look)
    axes.axvline(PAPERS_THRESHOLD, color="black", linestyle="--", linewidth=1.2, label="6.0")
    shares = [
        f"{name} {100 * value:.1f} %"
        for name, value in report["figure5"].items()
        if value is not None
    ]
    axes.text(
        0.98,
        0.97,
        "\n".join(["> 6.0:", *shares]),
        transform=axes.transAxes,
        ha="right",
        va="top",
        fontsize=9.5,
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1.5},
    )


def _draw_curves(
    grid: Sequence[Axes], panels: Sequence[Panel], curves: Sequence[Curve]
) -> Sequence[Axes]:
    for axes, panel in zip(grid, panels, strict=True):
        for epochs in panel.runs:
            numbers = range(1, len(epochs) + 1)
            for curve in curves:
                values = [curve.value(report) for report in epochs]
                axes.plot(
                    numbers,
                    [math.nan if value is None else value for value in values],
                    label=curve.label,
                    color=curve.colour,
                    linestyle=curve.style,
                    linewidth=1.6 if len(panel.runs) == 1 else 1.0,
                    marker=curve.marker,
                    markersize=4,
                    markevery=max(1, len(epochs) // 10),
                    clip_on=False,
                )
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    return grid


def _as_shares(grid: Sequence[Axes]) -> None:
    for axes in grid:
        axes.set_ylim(0, 1)
        axes.yaxis.set_major_formatter(PercentFormatter(1.0))
        axes.set_yticks([0, 0.25, 0.5, 0.75, 1.0])
