"""Figures of what the class loss does in training, a panel for each method.

Readable without colour: lines differ in style and marker, histograms in hatching.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, PercentFormatter, SymmetricalLogLocator

from noisyseg.results.figures.curves import Curve, draw_curves, pooled_epochs
from noisyseg.results.figures.panels import Panel, add_legend, panel_grid
from noisyseg.results.figures.style import (
    CLEAN,
    GREY,
    INK,
    MIDDLE_GREY,
    NOISY,
    NOTHING,
    PAPER,
    PURPLE,
)
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
_ROOM_FOR_COUNTS = 1.32  # of shares up to 1, and two lines of text


_SIZES = (
    Curve("N", "sets", "negative", GREY, "-"),
    Curve("PSN", "sets", "pseudo_negative", CLEAN, "--", "s"),
    Curve("PON", "sets", "potential_noisy", NOISY, "-", "o"),
    Curve("PSN and PON", "sets", "pseudo_and_potential", PURPLE, ":", "^"),
    Curve("OS", "sets", "other", INK, "-."),
)
_FATES = (
    Curve("given label (memorised)", "noisy_shares", "memorised", NOISY, "-", "o"),
    Curve("true label (recovered)", "noisy_shares", "recovered", CLEAN, "--", "s"),
    Curve("background", "noisy_shares", "background", INK, ":"),
    Curve("another class", "noisy_shares", "another", MIDDLE_GREY, "-."),
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
    for axes in draw_curves(grid, panels, _SIZES):
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
    _as_shares(draw_curves(grid, panels, _FATES))
    add_legend(figure, grid)
    return figure


def detector_figure(panels: Sequence[Panel], title: str) -> Figure:
    """Precision and recall of PON as a detector of wrong labels, by epoch, and how large PON is.

    Several seeds are pooled: a precision of few RoIs says little, which bars and numbers tell.
    """
    figure, grid = panel_grid(panels, title, x="epoch", y="share")
    draw_curves(grid, panels, _DETECTOR, band=False)
    for axes, panel in zip(grid, panels, strict=True):
        _draw_counts(axes, pooled_epochs(panel))
    _as_shares(grid)
    for axes in grid:
        axes.set_ylim(0, _ROOM_FOR_COUNTS)
    add_legend(figure, grid)
    return figure


def _draw_counts(axes: Axes, epochs: Sequence[Report]) -> None:
    """How many RoIs PON has: as bars up to the largest number, and the last one in words."""
    found = [report["detector"] for report in epochs]
    sizes = [entry["true_positives"] + entry["false_positives"] for entry in found]
    most = max(sizes, default=0)
    # By the root: beside the first epoch's thousands, dozens would not be seen.
    heights = [math.sqrt(size / most) if most else 0.0 for size in sizes]
    edges = np.arange(len(sizes) + 1) + 0.5
    label = "RoIs in PON, root scale"
    axes.stairs(heights, edges, fill=True, color=NOTHING, label=label, zorder=0.5)
    axes.text(
        0.99,
        0.99,
        f"PON at the end: {found[-1]['true_positives']:,} of {sizes[-1]:,} wrong labels\n"
        f"in the largest epoch: {most:,} RoIs",
        transform=axes.transAxes,
        ha="right",
        va="top",
        fontsize=8.5,
    )


def _draw_histograms(axes: Axes, report: Report) -> None:
    edges = np.arange(BINS + 2) * BIN_WIDTH
    looks: dict[str, dict[str, Any]] = {
        "clean": {"color": CLEAN, "alpha": 0.45, "linewidth": 0},
        "unknown": {"color": MIDDLE_GREY, "alpha": 0.45, "linewidth": 0},
        "noisy": {"facecolor": "none", "edgecolor": NOISY, "hatch": "////", "linewidth": 1.3},
    }
    for group, look in looks.items():
        rois = report[group]["rois"]
        if rois:
            shares = np.array(report[group]["histogram"]) / rois
            axes.stairs(shares, edges, fill=True, baseline=0, label=f"{group} RoIs", **look)
    axes.axvline(PAPERS_THRESHOLD, color=INK, linestyle="--", label="the paper's threshold")
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
        bbox={"facecolor": PAPER, "edgecolor": "none", "alpha": 0.8, "pad": 1.5},
    )


def _as_shares(grid: Sequence[Axes]) -> None:
    for axes in grid:
        axes.set_ylim(0, 1)
        axes.yaxis.set_major_formatter(PercentFormatter(1.0))
        axes.set_yticks([0, 0.25, 0.5, 0.75, 1.0])
