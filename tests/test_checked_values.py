import math
from functools import partial
from typing import Annotated, TypedDict

import pytest

from noisyseg.checked_values import (
    checked,
    file_name,
    flag,
    integer,
    list_of,
    number,
    or_null,
    part,
    text,
)
from noisyseg.errors import InputError


@pytest.mark.parametrize(
    ("written", "value"), [("0", 0), ("7", 7), ("9223372036854775807", 2**63 - 1)]
)
def test_integers_in_range_are_taken(read, written, value):
    assert integer(read(f"n: {written}"), "n", least=0) == value


@pytest.mark.parametrize(
    "written", ["-1", "1.0", "true", "'3'", "null", "9223372036854775808", "[1]"]
)
def test_what_is_no_integer_in_range_is_refused_with_its_line(read, written):
    with pytest.raises(InputError, match=r"line 2: n must be an integer of at least 0, got "):
        integer(read(f"\nn: {written}"), "n", least=0)


def test_an_upper_limit_is_part_of_the_message(read):
    with pytest.raises(InputError, match="an integer from 1 to 5, got 6"):
        integer(read("n: 6"), "n", least=1, most=5)


@pytest.mark.parametrize(
    ("written", "value"), [("0", 0.0), ("1", 1.0), ("0.25", 0.25), ("1.0e-4", 1e-4)]
)
def test_numbers_become_floats(read, written, value):
    found = number(read(f"x: {written}"), "x", most=1.0)
    assert found == value
    assert type(found) is float


def test_minus_zero_is_zero(read):
    assert math.copysign(1, number(read("x: -0.0"), "x")) == 1


@pytest.mark.parametrize(
    "written",
    ["-0.1", "1.5", ".nan", ".inf", "-.inf", "true", "null", "fast", "[0.5]", "1" + "0" * 400],
)
def test_what_is_no_number_in_range_is_refused_with_its_line(read, written):
    with pytest.raises(InputError, match=r"line 3: x must be a number from 0 to 1, got ") as caught:
        number(read(f"\n\nx: {written}"), "x", most=1.0)
    assert "1.0e-4" not in str(caught.value)


def test_infinity_does_not_fit_a_number_without_a_limit(read):
    with pytest.raises(InputError, match="of at least 0, got inf"):
        number(read("x: .inf"), "x")


def test_yaml_reads_1e_4_as_text_and_the_message_says_so(read):
    with pytest.raises(InputError, match=r"got '1e-4' \(YAML reads 1e-4 as text: write 1\.0e-4\)"):
        number(read("lr: 1e-4"), "lr")


def test_text_is_text(read):
    assert text(read("t: some words"), "t") == "some words"
    for written in ("''", "'  '", "3", "null", "[a]", "2024-01-02"):
        with pytest.raises(InputError, match="line 1: t must be a text, got "):
            text(read(f"t: {written}"), "t")


@pytest.mark.parametrize("name", ["toy", "voc 2012", "Zoë", "a.b", "x" * 100])
def test_names_that_any_system_can_store_are_taken(read, name):
    assert file_name(read(f"n: {name}"), "n") == name


@pytest.mark.parametrize(
    "name", ["../up", "/etc", "a/b", "a\\\\b", ".hidden", "..", " x", "a\\nb", "x" * 101]
)
def test_names_that_leave_their_folder_are_refused(read, name):
    with pytest.raises(InputError, match="line 1: n names a file or a folder"):
        file_name(read(f'n: "{name}"'), "n")


def test_lists_keep_their_order(read):
    assert list_of(read("s: [3, 1, 2]"), "s", int, kind_name="seeds", least=1) == [3, 1, 2]
    assert list_of(read("s: []"), "s", int, kind_name="epochs") == []


@pytest.mark.parametrize(
    "written", ["3", "null", "[]", "[1.5]", "[true]", "['1']", "[[1]]", "{a: 1}"]
)
def test_what_is_no_list_of_the_kind_is_refused(read, written):
    with pytest.raises(InputError, match="line 1: s must be a list of seeds with at least 1 entry"):
        list_of(read(f"s: {written}"), "s", int, kind_name="seeds", least=1)


def test_an_entry_given_twice_is_refused(read):
    with pytest.raises(InputError, match="line 1: s names a, b more than once"):
        list_of(read("s: [b, a, c, b, a]"), "s", str, kind_name="names")


class Inner(TypedDict):
    share: Annotated[float, partial(number, most=1.0)]


class Outer(TypedDict):
    name: Annotated[str, text]
    small: Annotated[bool, flag]
    inner: Annotated[Inner, part(Inner)]
    clip: Annotated[float | None, or_null(number)]


WHOLE = "clip: null\ninner:\n  share: 1\nname: toy\n"


def test_a_declared_mapping_comes_in_its_declarations_order_with_what_was_left_out(read):
    found = checked(read(WHOLE), Outer, what="a toy", defaults={"small": False})
    assert list(found.items()) == [
        ("name", "toy"),
        ("small", False),
        ("inner", {"share": 1.0}),
        ("clip", None),
    ]
    found = checked(read(WHOLE + "small: true\n"), Outer, what="a toy", defaults={"small": False})
    assert found["small"] is True


@pytest.mark.parametrize(
    ("old", "new", "line", "problem"),
    [
        ("name", "nam", 4, "unknown key of a toy 'nam'. Did you mean 'name'"),
        ("name: toy\n", "", 1, "a toy needs the key 'name'"),
        ("clip: null", "clip: -1", 1, "clip must be a number of at least 0, got -1"),
        ("name: toy", "small: 1\nname: toy", 4, "small must be true or false, got 1"),
        ("share: 1", "share: 2", 3, "share must be a number from 0 to 1, got 2"),
        ("share: 1", "shar: 1", 3, "unknown key of inner 'shar'. Did you mean 'share'"),
        ("\n  share: 1", " 3", 2, "inner must be a mapping of keys to values, got 3"),
    ],
)
def test_a_declared_mapping_is_refused_at_the_line_of_what_is_unfit(
    read, tmp_path, old, new, line, problem
):
    with pytest.raises(InputError) as caught:
        checked(read(WHOLE.replace(old, new)), Outer, what="a toy", defaults={"small": False})
    assert str(caught.value).startswith(f"{tmp_path / 'some.yaml'}, line {line}: {problem}")
