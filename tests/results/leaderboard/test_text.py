"""What strangers may write: as it stands, or not at all."""

import pytest

from noisyseg.errors import InputError
from noisyseg.results.leaderboard.text import checked_text, checked_url

# Of https://www.unicode.org/reports/tr36/ and CVE-2021-42574: what hides or moves other characters.
INVISIBLE = [
    *range(0x202A, 0x202F),
    *range(0x2066, 0x206A),
    *(0x200B, 0x200C, 0x200D, 0x200E, 0x200F, 0x061C, 0x2060, 0xFEFF, 0x00AD, 0x034F, 0x3164),
    *(0x115F, 0x1160, 0x180B, 0x2800, 0xFE0F, 0xFFA0, 0xE0100),
    *(0x0000, 0x0007, 0x0009, 0x000A, 0x000D, 0x001B, 0x007F, 0x0085, 0x2028, 0x2029),
    *(0xE000, 0x10FFFD, 0xFFFE, 0x0378, 0xE0041),
]


@pytest.mark.parametrize(
    "text",
    [
        "Yang et al.",
        "José Müller, 北京, Ελλάδα, ירושלים",
        "<script>alert(1)</script>",
        "=HYPERLINK(1)",
        r"\input{/etc/passwd} $x^2$ **bold** [a](b)",
        "a | b",
        "x" * 80,
    ],
)
def test_text_is_text_whatever_it_would_be_elsewhere(text):
    assert checked_text(text, "here", 80) == text


@pytest.mark.parametrize("code", INVISIBLE)
def test_what_cannot_be_seen_is_refused_by_its_number(code):
    with pytest.raises(InputError, match=rf"^here: character 2 is U\+{code:04X} "):
        checked_text(f"a{chr(code)}b", "here", 80)


def test_half_a_pair_is_refused():
    with pytest.raises(InputError, match=r"U\+D800"):
        checked_text("a\ud800b", "here", 80)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("", "wanted a text"),
        (" ", "wanted a text"),
        ("\u00a0\u2003", "wanted a text"),
        (None, "wanted a text, got None"),
        (3, "wanted a text, got 3"),
        (["a"], "wanted a text"),
        ("x" * 81, "at most 80 characters, got 81"),
        ("x" * 1_000_000, "got 1000000"),
        (" a", "a space stands at an end"),
        ("a\u00a0", "a space stands at an end"),
        ("Jose\u0301", "composed form"),
    ],
)
def test_what_is_no_line_of_text_is_refused_in_one_line(value, reason):
    with pytest.raises(InputError, match=f"^here: .*{reason}") as caught:
        checked_text(value, "here", 80)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    "url",
    [
        "https://arxiv.org/abs/2008.00000",
        "http://example.org:8080/a?b=c&d=%20#e",
        "https://example.org",
    ],
)
def test_addresses(url):
    assert checked_url(url, "here") == url


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "//example.org",
        "https://",
        "https:///path",
        "HTTPS://example.org",
        "ftp://example.org",
        "https://example.org/a b",
        'https://example.org/"onclick=',
        "https://example.org/'",
        "https://example.org/<b>",
        "https://example.org/`",
        "https://example.org\\@evil.example",
        "https://noisyseg.org@evil.example/",
        "https://example.org:port/",
        "https://exämple.org/",
        "https://example.org/ä",
        "https://.example.org/",
        "https://example.org/" + "a" * 500,
        "https://example.org/\n",
        None,
    ],
)
def test_what_is_no_address_of_a_page(url):
    with pytest.raises(InputError, match=r"^here: "):
        checked_url(url, "here")
