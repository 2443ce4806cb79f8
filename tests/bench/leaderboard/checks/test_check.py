"""Values held against each other, and strangers' texts in reasons."""

import pytest

from noisyseg.bench.leaderboard.checks.check import differing, equal, held, named, shown


@pytest.mark.parametrize(
    ("stated", "found", "said"),
    [
        ({"a": 1}, {"a": 1}, None),
        ({"a": 1}, {"a": 1.0}, None),
        ({"a": True}, {"a": 1}, "a: stated True, wanted 1"),
        ({"a": {"b": [1, 2]}}, {"a": {"b": [1, 3]}}, "a.b[1]: stated 2, wanted 3"),
        ({"a": [1]}, {"a": [1, 2]}, "a: stated [1], wanted [1, 2]"),
        ({"a": 1}, {}, "a: stated 1, not wanted"),
        ({}, {"a": None}, "a: not stated, wanted None"),
        ("x", "y", "stated x, wanted y"),
    ],
)
def test_the_places_that_differ_are_named(stated, found, said):
    assert differing(stated, found) == said


def test_five_places_are_named_and_the_rest_counted():
    said = differing({str(n): 0 for n in range(9)}, {str(n): 1 for n in range(9)})
    assert said.count("wanted") == 5
    assert said.endswith("; and 4 more")
    assert named(range(9)) == "0, 1, 2, 3, 4 and 4 more"


def test_equal_takes_no_other_kind_for_the_same():
    assert equal("x", "y", 1, 1).state == "holds"
    assert equal("x", "y", 1, True).state == "fails"
    assert equal("x", "y", None, "a").detail == "stated None, found a"


def test_nothing_in_a_reason_moves_the_cursor_or_turns_the_text():
    detail = held("x", "y", "a\x1b[2Jb\nc\u202ed").detail
    assert detail == "a\\x1b[2Jb\\nc\\u202ed"
    assert len(held("x", "y", "z" * 10**6).detail) == 1001
    assert shown("\u202eé") == "\\u202e\\xe9"
    assert len(shown("x" * 10**6)) == 61
    assert shown("0123456789abcdef" * 4) == "0123456789ab…"


def test_a_failure_has_a_reason_whatever_was_given():
    assert held("x", "y", "").state == "fails"
    assert held("x", "y", "").detail
    assert held("x", "y", None).state == "holds"
