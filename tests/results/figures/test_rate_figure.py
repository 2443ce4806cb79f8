"""Lines of methods: the same look in every suite, told apart where their numbers are the same."""

from itertools import pairwise

import pytest
from matplotlib.colors import to_hex

from noisyseg.results.figures.rate_figure import highlighted, rate_figure
from noisyseg.results.figures.style import MIDDLE_GREY, own_style
from noisyseg.results.tables.shown_table import table_of
from noisyseg.results.tables.table import summarise

RATES = {"clean": None, "sym20": ("symmetric", 0.2), "asym40": ("asymmetric", 0.4)}


def table(averages, noises=tuple(RATES), seeds=3):
    """Of methods with one average at all settings."""
    cells = {
        (method, noise): {seed: ("done", average + seed) for seed in range(seeds)}
        for method, average in averages.items()
        for noise in noises
    }
    summary = summarise(cells, methods=list(averages), noises=list(noises))
    return table_of(summary, title="t", metric="segm.AP", value_name="Mask AP (%)")


def drawn(averages, **given):
    with own_style():
        return rate_figure(table(averages, **given), RATES, "a title")


def lines_of(axes):
    """Label → its line; errorbars have it in a container."""
    bars = {entry.get_label(): entry.lines[0] for entry in axes.containers}
    return bars | {line.get_label(): line for line in axes.lines if line.get_label()[0] != "_"}


def look(line):
    return to_hex(line.get_color()), line.get_marker(), line.get_linestyle()


def test_a_method_looks_the_same_whatever_stands_beside_it():
    one = lines_of(drawn({"ce": 30.0, "lncis": 31.0, "mine": 20.0}).axes[0])
    other = lines_of(drawn({"mine": 30.0, "gce": 3.0, "lncis": 5.0, "x": 1.0, "ce": 2.0}).axes[1])
    assert {look(one[name]) == look(other[name]) for name in ("ce", "lncis", "mine")} == {True}
    assert len({look(line) for line in other.values()}) == 5


@pytest.mark.parametrize("count", [2, 6, 8])
def test_equal_numbers_do_not_cover_each_other(count):
    figure = drawn({f"method {n}": 30.0 for n in range(count)})
    for axes, first in zip(figure.axes, (0.0, 0.0), strict=True):
        lines = lines_of(axes)
        places = sorted(line.get_xdata()[0] for line in lines.values())
        gaps = [high - low for low, high in pairwise(places)]
        assert min(gaps) > 0.3
        assert sum(places) / count == pytest.approx(first, abs=1e-9)
        steps = {round(line.get_xdata()[1] - line.get_xdata()[0], 9) for line in lines.values()}
        assert len(steps) == 1


def test_of_many_methods_the_first_and_the_best_are_highlighted():
    averages = {f"method {n}": 10.0 + (n * 7) % 11 for n in range(11)}
    assert len(averages) > 8
    chosen, others = highlighted(table(averages))
    best = sorted(averages, key=averages.get, reverse=True)[:5]
    assert set(chosen) == {"method 0", *best}
    assert [name for name in averages if name in chosen] == chosen
    assert len(chosen) + len(others) == 11
    figure = drawn(averages)
    grey = [line for line in figure.axes[0].lines if line.get_color() == MIDDLE_GREY]
    assert len(grey) == len(others)
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == [*chosen, f"{len(others)} others"]


def test_eight_methods_all_have_their_colour():
    averages = {f"method {n}": 10.0 for n in range(8)}
    assert highlighted(table(averages)) == (list(averages), [])


def test_a_method_without_any_number_has_no_line_and_takes_no_place_of_the_best():
    made = table({f"method {n}": 20.0 - n for n in range(9)}, noises=("clean",))
    cells = made.cells
    cells.loc[cells["method"] == "method 1", ["mean", "n"]] = [float("nan"), 0]
    chosen, _ = highlighted(made)
    assert "method 1" not in chosen
