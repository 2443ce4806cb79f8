import math

import pytest

from noisyseg.results.statistics.derived import fate, mean_over_classes, relative

NAMES = ("fox", "cat", "dog", "hen")


@pytest.mark.parametrize(
    ("noisy", "clean", "expected"),
    [(15.0, 30.0, 50.0), (0.0, 30.0, 0.0), (30.0, 20.0, 150.0)],
)
def test_relative_is_a_share_of_the_clean(noisy, clean, expected):
    assert relative(noisy, clean) == expected


@pytest.mark.parametrize(("noisy", "clean"), [(None, 30.0), (30.0, None), (30.0, 0.0)])
def test_without_both_there_is_no_share(noisy, clean):
    assert math.isnan(relative(noisy, clean))


def test_means_leave_out_what_is_not_known():
    per_class = {"fox": {"segm": 10.0}, "cat": {"segm": None}, "dog": {"segm": 40.0}}
    assert mean_over_classes(per_class, {"fox", "cat", "dog"}) == 25.0
    assert mean_over_classes(per_class, {"dog"}) == 40.0
    assert math.isnan(mean_over_classes(per_class, {"cat"}))
    assert math.isnan(mean_over_classes(per_class, set()))


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
