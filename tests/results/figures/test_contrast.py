import matplotlib
import numpy as np
import pytest

from noisyseg.results.figures.contrast import contrast, text_on


def test_contrasts_are_those_that_wcag_tells():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#777777", "#777777") == 1
    # The lightest grey that passes on white, and the next one, which does not.
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.005)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)


@pytest.mark.parametrize("name", ["cividis", "PuOr", "Greys", "gray", "jet"])
def test_a_text_is_read_on_every_colour(name):
    grounds = matplotlib.colormaps[name](np.linspace(0, 1, 256))
    assert min(contrast(text_on(ground), ground) for ground in grounds) >= 4.5
