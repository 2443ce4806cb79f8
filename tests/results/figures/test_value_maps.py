"""Every number of a heat map is read on its cell; what is unknown is a dash."""

import numpy as np
import pytest

from noisyseg.results.figures.contrast import contrast
from noisyseg.results.figures.noise_figures import most_changed, transition_drawing
from noisyseg.results.figures.style import own_style
from noisyseg.results.figures.value_maps import class_figure


def losses_of(values, **given):
    with own_style():
        losses = np.array(values, dtype=float)
        methods = [f"m{n}" for n in range(losses.shape[0])]
        classes = [f"c{n}" for n in range(losses.shape[1])]
        return class_figure(losses, methods, classes, "title")


def texts_of(axes):
    return {(round(t.get_position()[1]), round(t.get_position()[0])): t for t in axes.texts}


def test_numbers_are_read_on_their_cells():
    figure = losses_of([np.linspace(-20, 20, 12), np.linspace(-1, 1, 12)])
    axes = figure.axes[0]
    image = axes.images[0]
    values = image.get_array()
    texts = texts_of(axes)
    assert len(texts) == 24
    for place, text in texts.items():
        shade = image.to_rgba(np.array([values[place]]))[0]
        assert contrast(text.get_color(), shade[:3]) >= 4.5


def test_unknown_is_a_dash_and_no_zero_is_negative():
    texts = texts_of(losses_of([[np.nan, -0.04, -1.25, 0.0]]).axes[0])
    assert [texts[0, n].get_text() for n in range(4)] == ["—", "0.0", "−1.2", "0.0"]


def test_many_classes_are_rows():
    figure = losses_of(np.zeros((2, 80)) - 1)
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels[:2] == ["c0", "c1"]
    assert len(labels) == 80
    assert figure.get_size_inches()[0] < 6


K = 4
NAMES = [f"class {n}" for n in range(K)]


def matrix(kept):
    return [[kept if i == j else (1 - kept) / (K - 1) for j in range(K)] for i in range(K)]


def test_most_changed_is_of_all_matrices_beside_their_diagonals():
    assert most_changed(matrix(0.4), matrix(0.7)) == pytest.approx(0.2)
    assert most_changed(matrix(0.7), None, [None, *matrix(0.9)[1:]]) == pytest.approx(0.1)
    assert most_changed(matrix(1.0), None) == 0.0
    assert most_changed() == 0.0


def test_equal_shares_have_equal_colours_in_matrices_of_one_scale():
    realised = matrix(0.4)
    realised[0] = [0.1, 0.7, 0.1, 0.1]
    most = most_changed(matrix(0.7), realised)
    with own_style():
        one, other = (
            transition_drawing(m, NAMES, rows="r", columns="c", most=most)
            for m in (matrix(0.7), realised)
        )
    shades = [figure.axes[0].images[1].to_rgba(np.array([0.1]))[0] for figure in (one, other)]
    assert shades[0].tolist() == shades[1].tolist()
    assert one.axes[0].images[1].norm.vmax == pytest.approx(0.7)


def test_numbers_of_a_transition_matrix_are_read_on_their_cells():
    rows = [[0.5, 0.3, 0.15, 0.05], [0.05, 0.0, 0.9, 0.05], None, [0.01, 0.2, 0.0, 0.79]]
    with own_style():
        most = most_changed(rows)
        axes = transition_drawing(rows, NAMES, rows="r", columns="c", most=most).axes[0]
    kept, changed = axes.images
    texts = texts_of(axes)
    assert (0, 0) in texts
    assert (1, 2) in texts
    assert not any(row == 2 for row, _ in texts)
    for (row, column), text in texts.items():
        image = kept if row == column else changed
        shade = image.to_rgba(np.array([rows[row][column]]))[0]
        assert contrast(text.get_color(), shade[:3]) >= 4.5
