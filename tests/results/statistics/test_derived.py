import math

import pytest

from noisyseg.results.statistics.derived import mean_over_classes, relative

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
