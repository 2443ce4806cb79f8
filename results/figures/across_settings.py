"""Methods over many noise settings and data sets: interquartile means, and performance profiles.

As Agarwal et al. (NeurIPS 2021) show them; every method has a row or a panel of its own, so that
nothing hangs on a colour, and looks as it does in every other figure.
"""

import math
import textwrap
from collections.abc import Mapping

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from noisyseg.results.figures.method_looks import look_of
from noisyseg.results.figures.style import FONT, GREY, PAPER, new_figure, short
from noisyseg.results.statistics.aggregates import Aggregate, Floats

_COLUMNS = 3
_BAND = 0.18  # opacity


def means_figure(
    aggregates: Mapping[str, Aggregate], title: str, value_name: str, *, baseline: str
) -> Figure:
    """Each method's interquartile mean with its 95 % interval, the best on top.

    Args:
        aggregates: of at least one method.
        title: of the figure.
        value_name: of the axis.
        baseline: whose mean is marked by a line.
    """
    order = sorted(aggregates, key=lambda method: aggregates[method].mean)
    lines = textwrap.wrap(title, 60)
    figure = new_figure(6.4, 0.9 + 0.2 * len(lines) + 0.32 * len(order))
    axes = figure.subplots()
    axes.axvline(aggregates[baseline].mean, color=GREY, linewidth=0.8, linestyle="--")
    for row, method in enumerate(order):
        found, look = aggregates[method], look_of(method)
        if found.low is not None and found.high is not None:
            axes.plot([found.low, found.high], [row, row], color=look.colour, linewidth=1.6)
        axes.plot(
            [found.mean],
            [row],
            marker=look.marker,
            color=look.colour,
            markerfacecolor=PAPER if look.hollow else look.colour,
            markersize=6,
        )
    axes.set_yticks(range(len(order)), short(order))
    axes.set_ylim(-0.6, len(order) - 0.4)
    _dress(axes)
    axes.set_xlabel(value_name, fontsize=11)
    figure.suptitle("\n".join(lines), x=0.01, ha="left", fontsize=12)
    return figure


def profiles_figure(
    aggregates: Mapping[str, Aggregate],
    thresholds: Floats,
    title: str,
    value_name: str,
    *,
    baseline: str,
) -> Figure:
    """The share of a method's runs above each threshold, with its 95 % interval, a panel a method.

    Args:
        aggregates: of at least one method.
        thresholds: that their profiles are of, shape (K,).
        title: of the figure.
        value_name: of the thresholds.
        baseline: whose profile is drawn in every panel, dashed.
    """
    columns = min(_COLUMNS, len(aggregates))
    rows = math.ceil(len(aggregates) / columns)
    width = 0.8 + 2.6 * columns
    lines = textwrap.wrap(title, int(10 * width))
    figure = new_figure(width, 0.7 + 0.2 * len(lines) + 1.9 * rows)
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    for axes in list(grid.flat)[len(aggregates) :]:
        axes.remove()
    for axes, method in zip(grid.flat, aggregates, strict=False):
        found, colour = aggregates[method], look_of(method).colour
        axes.fill_between(
            thresholds,
            100 * found.profile_low,
            100 * found.profile_high,
            color=colour,
            alpha=_BAND,
            linewidth=0,
        )
        if method != baseline:
            other = 100 * aggregates[baseline].profile
            axes.plot(thresholds, other, color=GREY, linewidth=1.3, linestyle="--")
        axes.plot(thresholds, 100 * found.profile, color=colour, linewidth=1.8)
        axes.set_title(short([method])[0], fontsize=11, loc="left", pad=4)
        axes.set_ylim(-3, 103)
        _dress(axes)
    figure.supxlabel(value_name, fontsize=11)
    figure.supylabel("runs above (%)", fontsize=11)
    figure.suptitle("\n".join(lines), x=0.01, ha="left", fontsize=12)
    return figure


def _dress(axes: Axes) -> None:
    axes.tick_params(labelsize=FONT)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(linewidth=0.8, alpha=0.5)
    axes.set_axisbelow(True)
