"""JSON of strangers: what json or orjson alone would let pass is refused."""

import pytest

from noisyseg.errors import InputError
from noisyseg.strict_json import DEEPEST, LONGEST_KEY, parse_strict_json


def parsed(data, most=1000):
    return parse_strict_json(data, "x.json", most=most)


def test_what_is_whole_is_read():
    text = '{"a": [1, 2.5, null, true], "ä\\u0301": {"b": ""}}'.encode()
    assert parsed(text) == {"a": [1, 2.5, None, True], "ä\u0301": {"b": ""}}


def test_whole_numbers_stay_exact():
    assert parsed(b"[9007199254740993, 123456789012345678901]")[0] == 2**53 + 1


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"[NaN]", "not valid JSON"),
        (b"[-Infinity]", "not valid JSON"),
        (b"[1e999]", "not valid JSON"),
        (b"[" + b"9" * 5000 + b"]", "not valid JSON"),
        (b"\xef\xbb\xbf[]", "not valid JSON"),
        ('["ä"]'.encode("latin-1"), "not valid JSON"),
        ("[1]".encode("utf-16"), "not valid JSON"),
        (b'["\\ud800"]', "not valid JSON"),
        (b'["\x01"]', "not valid JSON"),
        (b"[1] 2", "not valid JSON"),
        (b"[1", "not valid JSON"),
        (b"", "not valid JSON"),
        (b'{"a": 1, "b": {"c": 1, "c": 1}}', "'c' stands twice"),
        (b'{"a": 1, "\\u0061": 2}', "'a' stands twice"),
        (b'{"' + b"k" * (LONGEST_KEY + 1) + b'": 1}', "a key of 501 characters"),
        (b"[" * 100_000 + b"]" * 100_000, "not valid JSON"),
    ],
)
def test_what_readers_would_understand_in_several_ways_is_refused(data, reason):
    with pytest.raises(InputError, match=f"^x.json: .*{reason}"):
        parsed(data, most=10**6)


def test_depth_is_counted_in_lists_and_objects():
    deep = b'[{"a":' * (DEEPEST // 2) + b"1" + b"}]" * (DEEPEST // 2)
    assert parsed(deep)
    with pytest.raises(InputError, match=f"nested more than {DEEPEST} deep"):
        parsed(b"[" + deep + b"]")


def test_size_is_limited_before_anything_is_read():
    assert parsed(b"[    ]", most=6) == []
    with pytest.raises(InputError, match="at most 6 bytes of JSON, got 7"):
        parsed(b"[     ]", most=6)
