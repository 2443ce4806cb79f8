"""Figures of what the class loss does in training, a panel for each method.

Readable without colour: lines differ in style and marker, histograms in hatching.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, PercentFormatter, SymmetricalLogLocator

from noisyseg.results.figures.panels import Panel, add_legend, panel_grid
from noisyseg.results.figures.style import CLEAN, NOISY
from noisyseg.results.records.loss_at_work import (
    BIN_WIDTH,
    BINS,
    PAPERS_SHARES,
    PAPERS_THRESHOLD,
    Report,
    pooled,
    share,
)

_LEAST_SHARE = 1e-4  # that a histogram shows


@dataclass(slots=True, frozen=True)
class Curve:
    """A number of a report, `report[part][name]`, and how its line looks."""

    label: str
    part: str
    name: str
    colour: str
    style: str
    marker: str = ""


_SIZES = (
    Curve("N", "sets", "negative", "#5f6368", "-"),
    Curve("PSN", "sets", "pseudo_negative", CLEAN, "--", "s"),
    Curve("PON", "sets", "potential_noisy", NOISY, "-", "o"),
    Curve("PSN and PON", "sets", "pseudo_and_potential", "#7b3fa0", ":", "^"),
    Curve("OS", "sets", "other", "#222222", "-."),
)
_FATES = (
    Curve("given label (memorised)", "noisy_shares", "memorised", NOISY, "-", "o"),
    Curve("true label (recovered)", "noisy_shares", "recovered", CLEAN, "--", "s"),
    Curve("background", "noisy_shares", "background", "#222222", ":"),
    Curve("another class", "noisy_shares", "another", "#8a8f94", "-."),
)
_DETECTOR = (
    Curve("precision", "detector", "precision", CLEAN, "-", "o"),
    Curve("recall", "detector", "recall", NOISY, "--", "s"),
)


def histogram_figure(panels: Sequence[Panel], title: str) -> Figure:
    """Cross entropy of clean and of noisy RoIs in the last epoch (the paper, figure 5).

    Several seeds are pooled. Each panel tells the shares above the paper's threshold.
    """
    paper = ", ".join(f"{100 * part:.3g} % of {name}" for name, part in PAPERS_SHARES.items())
    figure, grid = panel_grid(
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
    add_legend(figure, grid)
    return figure


def sizes_figure(panels: Sequence[Panel], title: str) -> Figure:
    """How many RoIs of an epoch are in which of the paper's sets, by epoch."""
    figure, grid = panel_grid(panels, title, x="epoch", y="RoIs in an epoch")
    for axes in _draw_curves(grid, panels, _SIZES):
        axes.set_yscale("symlog", linthresh=1)
        axes.set_ylim(bottom=0)
        locator = SymmetricalLogLocator(base=10, linthresh=1)
        locator.set_params(numticks=6)
        axes.yaxis.set_major_locator(locator)
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    add_legend(figure, grid)
    return figure


def fates_figure(panels: Sequence[Panel], title: str) -> Figure:
    """What noisy RoIs are predicted as, by epoch."""
    figure, grid = panel_grid(panels, title, x="epoch", y="share of noisy RoIs")
    _as_shares(_draw_curves(grid, panels, _FATES))
    add_legend(figure, grid)
    return figure


def detector_figure(panels: Sequence[Panel], title: str) -> Figure:
    """Precision and recall of PON as a detector of wrong labels, by epoch."""
    figure, grid = panel_grid(panels, title, x="epoch", y="share")
    _as_shares(_draw_curves(grid, panels, _DETECTOR))
    add_legend(figure, grid)
    return figure


def _draw_histograms(axes: Axes, report: Report) -> None:
    edges = np.arange(BINS + 2) * BIN_WIDTH
    looks: dict[str, dict[str, Any]] = {
        "clean": {"color": CLEAN, "alpha": 0.45, "linewidth": 0},
        "unknown": {"color": "#8a8f94", "alpha": 0.45, "linewidth": 0},
        "noisy": {"facecolor": "none", "edgecolor": "#a8480c", "hatch": "////", "linewidth": 1.3},
    }
    for group, look in looks.items():
        rois = report[group]["rois"]
        if rois:
            shares = np.array(report[group]["histogram"]) / rois
            axes.stairs(shares, edges, fill=True, baseline=0, label=f"{group} RoIs", **look)
    axes.axvline(PAPERS_THRESHOLD, color="black", linestyle="--", label="the paper's threshold")
    above = dict(report["figure5"])
    if report["unknown"]["rois"]:
        above["unknown"] = share(report["unknown"]["above_6"], report["unknown"]["rois"])
    shares = [f"{name} {100 * part:.1f} %" for name, part in above.items() if part is not None]
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
                values = [report[curve.part][curve.name] for report in epochs]
                # A value between epochs without any is a line of no length: its marker shows it.
                gaps = None in values
                axes.plot(
                    numbers,
                    [math.nan if value is None else value for value in values],
                    label=curve.label,
                    color=curve.colour,
                    linestyle=curve.style,
                    linewidth=1.6 if len(panel.runs) == 1 else 1.0,
                    marker=curve.marker,
                    markersize=4,
                    markevery=1 if gaps else max(1, len(epochs) // 10),
                    clip_on=False,
                )
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    return grid


def _as_shares(grid: Sequence[Axes]) -> None:
    for axes in grid:
        axes.set_ylim(0, 1)
        axes.yaxis.set_major_formatter(PercentFormatter(1.0))
        axes.set_yticks([0, 0.25, 0.5, 0.75, 1.0])
