import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from noisyseg.number_text import decimal

MINUS = "\N{MINUS SIGN}"


@pytest.mark.parametrize(
    ("value", "text", "signed"),
    [
        (2.44, "2.4", "+2.4"),
        (-2.44, f"{MINUS}2.4", f"{MINUS}2.4"),
        (0.0, "0.0", "+0.0"),
        (-0.0, "0.0", "+0.0"),
        (-0.04, "0.0", "+0.0"),
        (-0.06, f"{MINUS}0.1", f"{MINUS}0.1"),
        (math.nan, "nan", "+nan"),
    ],
)
def test_a_number_has_one_decimal_and_a_zero_no_minus(value, text, signed):
    assert decimal(value) == text
    assert decimal(value, sign=True) == signed


@given(st.floats(-1e6, 1e6), st.integers(1, 3), st.booleans())
def test_a_minus_stands_before_what_is_below_zero_alone(value, digits, sign):
    text = decimal(value, digits, sign=sign)
    number = float(text.replace(MINUS, "-"))
    assert number == pytest.approx(value, abs=0.5000001 * 10**-digits)
    assert (MINUS in text) == (number < 0)
    assert "-" not in text
