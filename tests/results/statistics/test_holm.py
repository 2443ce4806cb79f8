"""Holm's correction, by hand and against what it promises."""

import numpy as np
import pytest

from noisyseg.results.statistics.holm import holm


def test_by_hand():
    # 4 × 0.01, 3 × 0.02, 2 × 0.03 is less than that, 1 × 0.9.
    found = holm({"c": 0.03, "a": 0.01, "d": 0.9, "b": 0.02})
    assert list(found) == ["c", "a", "d", "b"]
    assert found == pytest.approx({"a": 0.04, "b": 0.06, "c": 0.06, "d": 0.9})
    assert holm({"a": 0.7, "b": 0.8}) == {"a": 1.0, "b": 1.0}
    assert holm({}) == {}


def test_any_false_claim_is_as_rare_as_promised():
    """Of ten uniform p values, two of which are one number, and of two that are truly small."""
    generator = np.random.default_rng(8)
    wrong = 0
    for values in generator.random((4000, 10)):
        values[3] = values[4]
        found = holm({**dict(enumerate(values)), "true": 1e-9, "also": 1e-8})
        assert found["true"] == pytest.approx(1.2e-8)
        wrong += any(found[place] <= 0.05 for place in range(10))
    assert 0.035 <= wrong / 4000 <= 0.06
