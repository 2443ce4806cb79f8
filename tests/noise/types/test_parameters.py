import math
from pathlib import Path

import pytest

from noisyseg.errors import InputError
from noisyseg.noise.types.parameters import (
    Loaded,
    Place,
    flag,
    integer,
    names,
    number,
    one_of,
    rate,
    resolved_only,
)

HERE = Place(where="suite.yaml, line 9, x", base=Path(), classes=["cat", "dog"])


@pytest.mark.parametrize("value", [0, 0.0, -0.0, 1, 0.4, 5e-324])
def test_a_rate_is_a_float_without_a_sign(value):
    parsed = rate(value, HERE)
    assert parsed == value
    assert type(parsed) is float
    assert math.copysign(1, parsed) == 1


@pytest.mark.parametrize(
    "value", ["0.4", None, True, False, math.nan, math.inf, -0.1, 1.0000001, 40, 10**400, [0.4]]
)
def test_bad_rates_are_refused(value):
    with pytest.raises(InputError, match=r"line 9, x: a noise rate must be a number from 0 to 1,"):
        rate(value, HERE)


def test_numbers_have_limits_and_become_floats():
    parse = number(least=0, most=30, unit="pixels")
    assert [parse(v, HERE) for v in (0, -0.0, 2, 30)] == [0.0, 0.0, 2.0, 30.0]
    assert str(parse(-0.0, HERE)) == "0.0"
    for bad in (-1, 30.1, math.nan, True, "2", None):
        with pytest.raises(
            InputError, match=r"line 9, x: wanted a number from 0 to 30 \(pixels\), got"
        ):
            parse(bad, HERE)
    unlimited = number(least=1, unit="pixels")
    assert unlimited(1e299, HERE) == 1e299
    for bad in (0.5, math.inf, 10**1000):
        with pytest.raises(InputError, match="wanted a number of at least 1"):
            unlimited(bad, HERE)


def test_integers_flags_and_choices():
    assert integer(least=1, most=9, unit="pixels")(9, HERE) == 9
    for bad in (0, 10, 3.0, True, "3"):
        with pytest.raises(InputError, match="wanted an integer from 1 to 9"):
            integer(least=1, most=9, unit="pixels")(bad, HERE)
    assert flag(True, HERE) is True
    for bad in (1, "true", None):
        with pytest.raises(InputError, match=r"line 9, x: wanted true or false, got"):
            flag(bad, HERE)
    assert one_of("a", "b")("b", HERE) == "b"
    for bad in ("c", ["a"], None):
        with pytest.raises(InputError, match="wanted one of a, b, got"):
            one_of("a", "b")(bad, HERE)


def test_names_are_sorted_and_differ():
    assert names(["dog", "cat"], HERE) == ["cat", "dog"]
    assert names([], HERE) == []
    for bad in ("cat", ["cat", "cat"], ["cat", 3], {"cat": 1}):
        with pytest.raises(InputError, match="wanted a list of different names, got"):
            names(bad, HERE)


def test_a_loaded_parameter_resolves_to_what_stands_for_it():
    loaded = Loaded(resolved={"sha256": "ab"}, content=object())
    assert resolved_only({"rate": 0.1, "scores": loaded}) == {
        "rate": 0.1,
        "scores": {"sha256": "ab"},
    }
