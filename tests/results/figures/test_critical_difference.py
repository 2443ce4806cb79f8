"""The critical-difference diagram: bars where methods are not told apart, names that fit."""

from itertools import combinations

import pytest

from noisyseg.results.figures.critical_difference import critical_difference_figure
from noisyseg.results.figures.style import own_style, rendered
from noisyseg.results.statistics.rankings import Rank, Ranking


def ranking(means, groups):
    order = sorted(means, key=lambda method: -means[method])
    return Ranking(
        means={method: means[method] for method in order},
        ranks={method: Rank(1.0, 1, len(means)) for method in order},
        groups=groups,
        comparisons=len(list(combinations(means, 2))),
    )


MEANS = {"ce": 28.7, "lncis": 28.3, "lsr": 30.7, "gce": 30.1, "sce": 29.5}


def drawn(found):
    with own_style():
        return critical_difference_figure(found, "A title", "Mask AP (%)")


def bars(figure):
    return [line for line in figure.axes[0].lines if line.get_linewidth() > 3]


def test_there_is_a_bar_for_each_group_from_its_worst_to_its_best_with_a_dot_for_each_method():
    groups = [["lsr", "gce", "sce"], ["gce", "ce"]]
    figure = drawn(ranking(MEANS, groups))
    found = bars(figure)
    assert [sorted(line.get_xdata()) for line in found] == [[29.5, 30.7], [28.7, 30.1]]
    heights = [line.get_ydata()[0] for line in found]
    assert 0 > heights[0] > heights[1]
    dots = [sorted(line.get_xdata()) for line in figure.axes[0].lines if line.get_marker() == "o"]
    assert dots == [[29.5, 30.1, 30.7], [28.7, 30.1]]


def test_every_method_is_named_with_its_number_best_on_the_right():
    figure = drawn(ranking(MEANS, []))
    labels = {text.get_text().strip(): text for text in figure.axes[0].texts}
    assert bars(figure) == []
    middle = sum(figure.axes[0].get_xlim()) / 2
    for method, mean in MEANS.items():
        label = labels[f"{method}  {mean:.1f}"]
        assert (label.get_position()[0] > middle) == (method in ("lsr", "gce", "sce"))
    assert "Mask AP (%)" in labels


@pytest.mark.parametrize(
    "means",
    [
        {"alone": 12.0},
        {"a": 20.0, "b": 20.0},
        {f"method {n}": 30 + n / 7 for n in range(21)},
        {"a-name-that-is-longer-than-any-figure-has-room-for": 1.0, "short": 99.0},
        {"worst": 0.0, "best": 0.01},
    ],
)
def test_nothing_is_cut_off_and_equal_figures_give_equal_bytes(means):
    found = ranking(means, [list(means)] if len(means) > 1 else [])
    figure = drawn(found)
    renderer = figure.canvas.get_renderer()
    width, height = figure.canvas.get_width_height()
    for text in (*figure.axes[0].texts, figure._suptitle):
        box = text.get_window_extent(renderer)
        assert box.x0 >= 0
        assert box.x1 <= width
        assert box.y0 >= 0
        assert box.y1 <= height
    first, again = (
        rendered(lambda: critical_difference_figure(found, "T", "AP"), ["png", "svg"])
        for _ in range(2)
    )
    assert first == again
