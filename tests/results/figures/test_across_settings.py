"""Interquartile means and profiles as pictures: rows, panels and their numbers."""

import numpy as np
import pytest

from noisyseg.results.figures.across_settings import means_figure, profiles_figure
from noisyseg.results.figures.method_looks import look_of
from noisyseg.results.figures.style import own_style
from noisyseg.results.statistics.aggregates import aggregate

POINTS = np.linspace(80, 120, 5)


def aggregates(count, *, runs=3):
    generator = np.random.default_rng(count)
    return {
        f"m{place}": aggregate(
            {task: (100 + place + generator.normal(size=runs)).tolist() for task in "ab"}, POINTS
        )
        for place in range(count)
    }


def test_methods_come_with_the_best_on_top_and_their_intervals():
    found = aggregates(3)
    with own_style():
        figure = means_figure(found, "Title", "AP (%)", baseline="m0")
    (axes,) = figure.axes
    order = [label.get_text() for label in axes.get_yticklabels()]
    assert order == sorted(found, key=lambda method: found[method].mean)
    assert axes.get_ylim()[0] < axes.get_ylim()[1]
    intervals = [line.get_xdata() for line in axes.lines if len(set(line.get_ydata())) == 1]
    ends = [[found[m].low, found[m].high] for m in order]
    assert [list(x) for x in intervals if len(x) == 2 and x[0] != x[1]] == ends


def test_one_run_a_setting_has_points_alone():
    with own_style():
        figure = means_figure(aggregates(2, runs=1), "Title", "AP (%)", baseline="m0")
    points = [line for line in figure.axes[0].lines if len(line.get_xdata()) == 1]
    assert len(points) == 2
    assert len(figure.axes[0].lines) == len(points) + 1  # the baseline's line


def test_a_method_looks_as_in_every_other_figure():
    found = dict(zip(["lncis", "ce", "mine"], aggregates(3).values(), strict=True))
    with own_style():
        figure = means_figure(found, "Title", "AP (%)", baseline="ce")
        profiles = profiles_figure(found, POINTS, "Title", "AP (%)", baseline="ce")
    points = {
        line.get_ydata()[0]: (line.get_marker(), line.get_color())
        for line in figure.axes[0].lines
        if len(line.get_xdata()) == 1
    }
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    looks = {name: look_of(name) for name in names}
    assert [points[row] for row in range(3)] == [(x.marker, x.colour) for x in looks.values()]
    drawn = {axes.get_title(loc="left"): axes.lines[-1].get_color() for axes in profiles.axes}
    assert drawn == {name: look.colour for name, look in looks.items()}


@pytest.mark.parametrize("count", [1, 2, 4, 21])
def test_each_method_has_a_panel_with_its_profile_and_the_baselines(count):
    found = aggregates(count)
    with own_style():
        figure = profiles_figure(found, POINTS, "Title", "AP (%)", baseline="m0")
    assert [axes.get_title(loc="left") for axes in figure.axes] == list(found)
    for axes, (method, own) in zip(figure.axes, found.items(), strict=True):
        lines = {line.get_linestyle(): line for line in axes.lines}
        assert lines["-"].get_ydata() == pytest.approx(100 * own.profile)
        assert len(lines) == 1 + (method != "m0")
        if method != "m0":
            assert lines["--"].get_ydata() == pytest.approx(100 * found["m0"].profile)
