"""Figures on pages follow the reader's scheme, but for what stands on a map's own colours."""

import re
from xml.etree import ElementTree

import numpy as np

from noisyseg.results.figures.contrast import LIGHT_TEXT, contrast
from noisyseg.results.figures.dark_scheme import DARK, following
from noisyseg.results.figures.style import CLEAN, INK, NOISY, PAPER, new_figure, rendered
from noisyseg.results.figures.value_maps import class_figure


def svg_of(make):
    return rendered(make, ["svg"])["svg"]


def simple():
    figure = new_figure(3, 2)
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color=CLEAN)
    axes.set_title("a title")
    return figure


def test_every_colour_of_the_scheme_is_a_variable_that_has_two_values():
    text = following(svg_of(simple)).decode()
    ElementTree.fromstring(text)
    (sheet,) = re.findall(r"<style>(.*?)</style>", text)
    light, dark = sheet.split("@media screen and (prefers-color-scheme:dark)")
    rest = text.replace(sheet, "")
    for colour in (INK, PAPER, CLEAN):
        assert colour not in rest
        (name,) = re.findall(rf"(--\d+):{colour};", light)
        assert f"var({name})" in rest
        assert f"{name}:{DARK[colour]};" in dark
    assert NOISY not in text


def test_numbers_on_a_map_stay_as_they_are():
    losses = np.array([[-20.0, 0.0, 20.0]])
    text = following(svg_of(lambda: class_figure(losses, ["ce"], ["a", "b", "c"], "t"))).decode()
    assert LIGHT_TEXT in text
    assert LIGHT_TEXT not in DARK


def test_texts_are_read_on_dark_paper():
    assert contrast(DARK[INK], DARK[PAPER]) >= 7
    assert contrast(INK, PAPER) >= 7


def test_a_picture_without_such_colours_is_left_alone():
    assert following(b"<svg><path/></svg>") == b"<svg><path/></svg>"
