"""A method looks alike wherever it is drawn, and unlike the others, to the colour-blind, too."""

from itertools import combinations

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from noisyseg.methods.built_in import METHODS
from noisyseg.results.figures.contrast import contrast
from noisyseg.results.figures.dark_scheme import DARK
from noisyseg.results.figures.method_looks import look_of
from noisyseg.results.figures.style import PAPER

PAPERS = ("ce", "lsr", "jol", "gce", "sce", "lncis")
# Machado, Oliveira & Fernandes 2009, table 1, severity 1: linear RGB as it is then seen.
SEEN = {
    "all": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
XYZ = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]


def seen(colour, kind):
    """CIE L*a*b* (D65) of a colour of sRGB."""
    parts = np.array(to_rgb(colour))
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    linear = np.clip(np.array(SEEN[kind]) @ linear, 0, 1)
    x, y, z = np.cbrt(np.clip(np.array(XYZ) @ linear / [0.9505, 1, 1.089], 0.0089, None))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("kind", SEEN)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_papers_six_differ_in_colour_for_everybody(kind, scheme):
    colours = [look_of(name).colour for name in PAPERS]
    if scheme == "dark":
        colours = [DARK[colour] for colour in colours]
    for one, other in combinations(colours, 2):
        assert np.linalg.norm(seen(one, kind) - seen(other, kind)) > 15, (one, other)


@pytest.mark.parametrize("name", [*METHODS, "mine", "another"])
def test_a_line_is_seen_on_light_and_on_dark_paper(name):
    colour = look_of(name).colour
    assert contrast(colour, PAPER) >= 3
    assert contrast(DARK[colour], DARK[PAPER]) >= 3


def test_no_two_methods_that_ship_look_alike_even_without_markers():
    looks = {name: look_of(name) for name in METHODS}
    assert len({(look.colour, look.style) for look in looks.values()}) == len(looks)
    assert len({(look.colour, look.marker) for look in looks.values()}) == len(looks)
    assert not any(look.hollow for look in looks.values())


def test_other_names_are_hollow_and_many_looks_are_used():
    looks = [look_of(f"mine {number}") for number in range(2000)]
    assert all(look.hollow for look in looks)
    assert len(set(looks)) > 350
    assert look_of("mine 7") == looks[7]
