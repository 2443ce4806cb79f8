"""A figure inside a page: small, well-formed, of a known size."""

import base64
import re
from xml.etree import ElementTree

import pytest

from noisyseg.results.figures.style import new_figure, rendered
from noisyseg.results.report.drawing import drawing


def simple():
    figure = new_figure(3, 2)
    figure.subplots().plot([0, 1 / 3], [0, 2 / 7])
    return figure


def test_a_drawing_is_an_svg_of_the_figures_size():
    made = drawing(rendered(simple, ["svg"])["svg"])
    assert (made.width, made.height) == (288, 192)  # 3 and 2 inches of 96 CSS pixels
    kind, _, content = made.source.partition(",")
    assert kind == "data:image/svg+xml;base64"
    text = base64.b64decode(content).decode()
    root = ElementTree.fromstring(text)
    places = [
        place
        for path in root.iter("{http://www.w3.org/2000/svg}path")
        for place in re.findall(r"\.\d+", path.get("d"))
    ]
    assert places
    assert all(len(place) <= 3 for place in places)  # the point and two digits
    assert "prefers-color-scheme:dark" in text


def test_only_matplotlibs_figures_are_drawings():
    with pytest.raises(AssertionError):
        drawing(b"<svg></svg>")
