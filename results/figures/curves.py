"""Curves of reports by epoch, a panel for each method: of all its seeds together, with their range.

Readable without colour: they differ in style and marker, and in width where they coincide.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from noisyseg.results.figures.panels import Panel
from noisyseg.results.records.loss_at_work import Report, pooled


@dataclass(slots=True, frozen=True)
class Curve:
    """A number of a report, `report[part][name]`, and how its line looks."""

    label: str
    part: str
    name: str
    colour: str
    style: str
    marker: str = ""


def pooled_epochs(panel: Panel) -> list[Report]:
    """Of each epoch that all runs have, the report of all their RoIs."""
    return [pooled(reports) for reports in zip(*panel.runs, strict=False)]


def draw_curves(
    grid: Sequence[Axes], panels: Sequence[Panel], curves: Sequence[Curve], *, band: bool = True
) -> Sequence[Axes]:
    """Of all seeds together: counts are means over them, shares of all their RoIs.

    Args:
        grid: the panels' axes.
        panels: what to draw.
        curves: which numbers.
        band: whether the smallest and the largest of the seeds are shown.
    """
    for axes, panel in zip(grid, panels, strict=True):
        together = pooled_epochs(panel)
        for place, curve in enumerate(curves):
            # The first the widest: what a later one covers shows at its edges.
            width = 1.3 + 0.45 * (len(curves) - 1 - place)
            _draw_curve(axes, _averages(curve, together, len(panel.runs)), curve, place, width)
            if band and len(panel.runs) > 1:
                _draw_band(axes, [_averages(curve, run, 1) for run in panel.runs], curve)
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    return grid


def _averages(curve: Curve, epochs: Sequence[Report], runs: int) -> list[float]:
    """A curve's numbers; NaN where there are none. Counts are of so many runs together."""
    values = [report[curve.part][curve.name] for report in epochs]
    known = [math.nan if value is None else value for value in values]
    return [value / runs for value in known] if curve.part == "sets" else known


def _draw_curve(
    axes: Axes, values: Sequence[float], curve: Curve, place: int, width: float
) -> None:
    # A value between epochs without any is a line of no length: its marker shows it.
    gaps = any(map(math.isnan, values))
    axes.plot(
        range(1, len(values) + 1),
        values,
        label=curve.label,
        color=curve.colour,
        linestyle=curve.style,
        linewidth=width,
        marker=curve.marker,
        markersize=4,
        markevery=1 if gaps else _every(len(values), place),
        clip_on=False,
    )


def _draw_band(axes: Axes, runs: Sequence[Sequence[float]], curve: Curve) -> None:
    """Where the seeds lie, in each epoch that all of them have a number in."""
    columns = list(zip(*runs, strict=False))
    axes.fill_between(
        range(1, len(columns) + 1),
        [min(column) if not any(map(math.isnan, column)) else math.nan for column in columns],
        [max(column) if not any(map(math.isnan, column)) else math.nan for column in columns],
        color=curve.colour,
        alpha=0.2,
        linewidth=0,
    )


def _every(epochs: int, place: int) -> tuple[int, int]:
    """Which epochs a curve has markers at: those of the next curve stand beside them."""
    step = max(1, epochs // 10)
    return place % step, step
