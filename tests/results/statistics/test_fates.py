import math

import pytest

from noisyseg.results.statistics.fates import fate

EPOCHS = [
    {"memorised": 0.1, "recovered": 0.3, "background": 0.6},
    {"memorised": 0.2, "recovered": 0.5, "background": 0.2},
    {"memorised": 0.4, "recovered": 0.5, "background": 0.0},
    {"memorised": 0.7, "recovered": 0.1, "background": 0.1},
]


@pytest.mark.parametrize(
    ("metric", "value"),
    [
        ("memorised", 70.0),
        ("recovered", 10.0),
        ("background", 10.0),
        ("memorised.best", 20.0),  # where most is recovered, the first time
        ("recovered.best", 50.0),
        ("background.best", 20.0),
    ],
)
def test_what_became_of_wrong_labels_at_the_end_and_at_best(metric, value):
    assert fate(EPOCHS, metric) == pytest.approx(value)


@pytest.mark.parametrize("metric", ["memorised", "recovered.best"])
def test_without_wrong_labels_nothing_became_of_them(metric):
    none = dict.fromkeys(EPOCHS[0])
    assert math.isnan(fate([none, none], metric))
    assert math.isnan(fate([], metric))
