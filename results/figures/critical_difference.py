"""A critical-difference diagram: methods on one axis, bars over those that are not told apart.

After Demšar (Journal of Machine Learning Research 7, 2006, section 3.2.2), whose axis is of ranks
over data sets and whose bars are Nemenyi's; here it is of the numbers themselves, and bars are of a
corrected test of every two methods. Two methods that share no bar are told apart.
"""

import textwrap
from collections.abc import Mapping, Sequence

from matplotlib import rcParams
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from noisyseg.results.figures.style import FONT, GREY, new_figure, short
from noisyseg.results.statistics.rankings import Ranking

_LENGTH = 4.2  # inches, of the axis
_REACH, _LETTER = 0.45, 0.09  # inches: a label's line beyond the axis, a letter
_ROW, _BAR, _GAP = 0.25, 0.12, 0.14  # inches: of a label, of a bar, before either's first
_AXIS, _LINE, _MARGIN = 0.55, 0.2, 0.12  # inches: above the axis, of the title


def critical_difference_figure(ranking: Ranking, title: str, value_name: str) -> Figure:
    """Methods at their numbers, the best on the right, with bars over groups not told apart.

    Args:
        ranking: of at least one method.
        title: of the figure.
        value_name: of the axis.
    """
    means = ranking.means
    labels = _GAP + _BAR * len(ranking.groups) + _GAP
    below = labels + _ROW * ((len(means) + 1) // 2)
    side = _REACH + _LETTER * (7 + max(map(len, short(list(means)))))
    lines = textwrap.wrap(title, int((_LENGTH + 2 * side) / 0.095))
    above = _MARGIN + _LINE * len(lines) + _AXIS
    figure = new_figure(_LENGTH + 2 * side, above + below, layout=None)
    figure.suptitle(
        "\n".join(lines), x=0.02, y=1 - _MARGIN / (above + below), ha="left", va="top", fontsize=12
    )
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_axis_off()
    axes.set_ylim(-below, above)  # inches from the axis
    low, high = _draw_axis(axes, list(means.values()), value_name)
    inch = (high - low) / _LENGTH
    axes.set_xlim(low - side * inch, high + side * inch)
    _draw_bars(axes, means, ranking.groups)
    _draw_labels(axes, means, ends=(low - _REACH * inch, high + _REACH * inch), top=-labels)
    return figure


def _draw_axis(axes: Axes, values: Sequence[float], value_name: str) -> tuple[float, float]:
    """Where it begins and ends."""
    spread = 0.5 if max(values) - min(values) < 0.05 else 0.0
    ticks = MaxNLocator(6, steps=[1, 2, 5, 10]).tick_values(
        min(values) - spread, max(values) + spread
    )
    low, high = float(ticks[0]), float(ticks[-1])
    ink = rcParams["text.color"]
    axes.plot([low, high], [0, 0], color=ink, linewidth=1.2)
    for tick in ticks:
        axes.plot([tick, tick], [0, 0.06], color=ink, linewidth=1.2)
        axes.text(tick, 0.1, f"{tick:.6g}", ha="center", va="bottom", fontsize=FONT)
    axes.text((low + high) / 2, 0.32, value_name, ha="center", va="bottom", fontsize=FONT)
    return low, high


def _draw_bars(axes: Axes, means: Mapping[str, float], groups: Sequence[Sequence[str]]) -> None:
    ink = rcParams["text.color"]
    for place, group in enumerate(groups):
        height = -_GAP - _BAR * place
        own = [means[method] for method in group]
        axes.plot([min(own), max(own)], [height, height], color=ink, linewidth=3.2)
        # Not every method under a bar need be of its group.
        axes.plot(own, [height] * len(own), "o", color=ink, markersize=5.5, linestyle="none")


def _draw_labels(
    axes: Axes, means: Mapping[str, float], *, ends: tuple[float, float], top: float
) -> None:
    """Names on the side that is nearer, the outermost first, so that no line crosses another.

    Args:
        axes: to draw on.
        means: method → number, the best first.
        ends: where names on the left end, and on the right begin.
        top: height of the first of them.
    """
    right = (len(means) + 1) // 2
    names = dict(zip(means, short(list(means)), strict=True))
    order = list(means)
    sides = ((ends[1], "left", order[:right]), (ends[0], "right", order[right:][::-1]))
    for end, align, methods in sides:
        for row, method in enumerate(methods):
            height = top - _ROW * row
            axes.plot(
                [means[method], means[method], end], [0, height, height], color=GREY, linewidth=0.8
            )
            axes.text(
                end,
                height,
                f" {names[method]}  {means[method]:.1f} ",
                ha=align,
                va="center",
                fontsize=FONT,
            )
