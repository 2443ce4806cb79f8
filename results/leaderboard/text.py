"""What a text of strangers may be, before it is shown to others.

HTML, Markdown or a formula in it is text like any other: whoever shows it escapes it.
"""

import re
import reprlib
import unicodedata
from typing import Any

from noisyseg.errors import InputError

MOST_URL = 500

# Control, format (bidi controls and what has no width are among them), surrogate, private,
# unassigned, line separator, paragraph separator.
_UNSHOWABLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
# Letters, symbols and marks, to Unicode, that show nothing of their own: variation selectors last.
_BLANK = {"\u034f", "\u115f", "\u1160", "\u17b4", "\u17b5", "\u2800", "\u3164", "\uffa0"}
_BLANK |= {chr(code) for code in (*range(0x180B, 0x1810), *range(0xFE00, 0xFE10))}
_BLANK |= {chr(code) for code in range(0xE0100, 0xE01F0)}
# Without a user's name: https://noisyseg.org@elsewhere.example is elsewhere.
_URL = re.compile(r"https?://[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*(:[0-9]{1,5})?([/?#][!-~]*)?")
_NOT_IN_URL = re.compile(r"[\"'<>\\`]")


def checked_text(value: Any, where: str, longest: int) -> str:
    """The same value, if it is one line that shows what it holds.

    Args:
        value: whatever arrived.
        where: its place and name, put before messages.
        longest: characters that it may have.

    Raises:
        InputError: not a text, empty, too long, with a space at an end, not in Unicode's composed
            form, or with a character that cannot be seen or that moves others.
    """
    if not isinstance(value, str) or not value.strip():
        raise InputError(f"{where}: wanted a text, got {reprlib.repr(value)}.")
    if len(value) > longest:
        raise InputError(f"{where}: wanted at most {longest} characters, got {len(value)}.")
    if value != value.strip():
        raise InputError(f"{where}: a space stands at an end of {reprlib.repr(value)}.")
    for place, character in enumerate(value, 1):
        if unicodedata.category(character) in _UNSHOWABLE or character in _BLANK:
            name = unicodedata.name(character, "a control or unassigned character")
            raise InputError(
                f"{where}: character {place} is U+{ord(character):04X} ({name}), which cannot be "
                "seen or changes how others are shown: leave it out."
            )
    if not unicodedata.is_normalized("NFC", value):
        raise InputError(
            f"{where}: {reprlib.repr(value)} has accents apart from their letters: write it in "
            "Unicode's composed form (NFC)."
        )
    return value


def checked_url(value: Any, where: str) -> str:
    """The same value, if it is the address of a page.

    Raises:
        InputError: not http or https, without a host, too long, or with a character that an
            address writes as %XX.
    """
    text = checked_text(value, where, MOST_URL)
    if not _URL.fullmatch(text) or _NOT_IN_URL.search(text):
        raise InputError(
            f"{where}: wanted the address of a page, such as https://example.org/paper, got "
            f"{reprlib.repr(text)}."
        )
    return text
