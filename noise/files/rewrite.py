r"""New category ids in the bytes of an annotation file, without parsing it into objects.

Which digits are an annotation's `category_id`? Let the decoded file have N annotations, each with
the key. The spans that `category_spans` returns are those digits, because:

1. The bytes hold no escape that writes a letter of the key (`\u0063` is a c), so each annotation's
   own key is literally there as `"category_id"`: N different places.
2. `"category_id"` is there N times and no more. So those places are the annotations' own keys, in
   the order of the list, and there is no other: no nested object has the key, no other list, no
   object twice (all of that would be a place more), and no text is or ends in it. (Within a text a
   quote is escaped, so `\"category_id\"` is no match.)
3. After each there is a colon and a number in plain digits, ended by a comma, a brace or white
   space: not 18.0, 1e1 or -0, which could not be restored from the number alone.
4. The numbers are the decoded category ids, one by one.

A file for which one of these fails is not refused but written anew from its objects.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from noisyseg.annotation_files.mapped_file import Content
from noisyseg.noise.table import AnnotationTable
from noisyseg.noise.transition import Indices, Mask

_KEY = b'"category_id"'
_RARE = _KEY.index(b"y")  # a letter that digits, polygons and run lengths never hold
_WORD = 8
_LETTERS = b"|".join(b"%02x" % letter for letter in sorted({*_KEY.strip(b'"')}))
_ESCAPED_LETTER = re.compile(rb"\\u00(?:" + _LETTERS + b")", re.IGNORECASE)
_BLOCK = 1 << 20
_SEARCH_BLOCK = 1 << 22
_MOST_DIGITS = 19  # of a number of 64 bits with a sign

Bytes = NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True, slots=True)
class CategorySpans:
    """Where the annotations' category ids stand: bytes [starts[i], ends[i]), shape (N,), rising."""

    starts: Indices
    ends: Indices


def category_spans(data: Content, table: AnnotationTable) -> CategorySpans | None:
    """The spans of the annotations' category ids in the file, if they can be proven; else None.

    Args:
        data: the file.
        table: its annotations, as `scan_annotations` decoded them.
    """
    # One byte is found many times faster than an expression.
    if data.find(b"\\") >= 0 and _ESCAPED_LETTER.search(data):
        return None
    found, count = [], 0
    for keys in _places_of_key(data):
        count += len(keys)
        # Read at once, while the processor still holds what the search brought in.
        read = _numbers_after(np.frombuffer(data, dtype=np.uint8), keys + len(_KEY))
        if read is None or count > len(table.numbers):
            return None
        found.append(read)
    starts, ends, numbers = (np.concatenate(column) for column in zip(*found, strict=True))
    if not np.array_equal(numbers, table.category_ids):
        return None
    return CategorySpans(starts=starts, ends=ends)


def rewritten(
    data: Content, spans: CategorySpans, table: AnnotationTable, after: Indices
) -> Iterator[bytes]:
    """The file with the category ids of other classes, in blocks of about a megabyte.

    Args:
        data: the file.
        spans: where its category ids are, N of them.
        table: its annotations.
        after: their new classes, shape (N,).
    """
    changed = np.flatnonzero(table.classes != after)
    starts, ends = spans.starts[changed], spans.ends[changed]
    texts = np.array([str(number).encode() for number in table.categories.ids])[after[changed]]
    begin = place = 0
    while begin < len(data):
        end = min(begin + _BLOCK, len(data))
        stop = int(np.searchsorted(starts, end))
        if stop > place:
            end = max(end, int(ends[stop - 1]))
        here = slice(place, stop)
        yield _with_texts(data[begin:end], starts[here] - begin, ends[here] - begin, texts[here])
        begin, place = end, stop


def _with_texts(block: bytes, starts: Indices, ends: Indices, texts: NDArray[np.bytes_]) -> bytes:
    if not len(starts):
        return block
    lengths = np.char.str_len(texts)
    same = lengths == ends - starts  # most often; they need no shift
    buffer = bytearray(block)
    _overwrite(np.frombuffer(buffer, dtype=np.uint8), starts[same], texts[same], lengths[same])
    starts, ends, texts = starts[~same], ends[~same], texts[~same]
    view, last = memoryview(buffer), 0
    parts: list[bytes | memoryview] = []
    for start, end, text in zip(starts.tolist(), ends.tolist(), texts.tolist(), strict=True):
        parts += (view[last:start], text)
        last = end
    parts.append(view[last:])
    return b"".join(parts)


def _overwrite(
    array: Bytes, starts: Indices, texts: NDArray[np.bytes_], lengths: NDArray[np.integer]
) -> None:
    letters = np.ascontiguousarray(texts).view(np.uint8).reshape(len(texts), texts.itemsize)
    for place in range(int(lengths.max(initial=0))):
        longer = lengths > place
        array[starts[longer] + place] = letters[longer, place]


def _places_of_key(data: Content) -> Iterator[Indices]:
    array = np.frombuffer(data, dtype=np.uint8)
    last = len(array) - len(_KEY)
    # The eight bytes from each byte on, as one number: two of them hold the key.
    count = len(array) - _WORD + 1
    words: NDArray[np.uint64] = np.ndarray((count,), np.uint64, buffer=data, strides=(1,))
    ending = len(_KEY) - _WORD
    first, second = (
        np.frombuffer(_KEY, dtype=np.uint64, count=1, offset=offset) for offset in (0, ending)
    )
    for begin in range(0, len(array), _SEARCH_BLOCK):
        places = np.flatnonzero(array[begin : begin + _SEARCH_BLOCK] == _KEY[_RARE]) + (
            begin - _RARE
        )
        places = places[(places >= 0) & (places <= last)]
        yield places[(words[places] == first) & (words[places + ending] == second)]


def _numbers_after(array: Bytes, places: Indices) -> tuple[Indices, Indices, Indices] | None:
    """Starts, ends and values of the numbers, each shape (N,), if all are plain."""
    # That a place past the end is never read is due to the braces that close a decoded file.
    colons = _past_space(array, places)
    if not (array[colons] == ord(":")).all():
        return None
    starts = _past_space(array, colons + 1)
    negative = array[starts] == ord("-")
    ends = starts + negative
    sizes = np.zeros(len(starts), dtype=np.uint64)
    active = np.arange(len(starts))
    for _ in range(_MOST_DIGITS):
        if not len(active):
            break
        letters = array[ends[active]]
        digits = (letters >= ord("0")) & (letters <= ord("9"))
        active = active[digits]
        sizes[active] = sizes[active] * np.uint64(10) + (letters[digits] - ord("0"))
        ends[active] += 1
    plain = _one_of(b",} \t\r\n")[array[ends]]
    if not plain.all() or (negative & (sizes == 0)).any():
        return None
    numbers = sizes.astype(np.int64)
    return starts, ends, np.where(negative, -numbers, numbers)


def _past_space(array: Bytes, places: Indices) -> Indices:
    places = places.copy()
    is_space = _one_of(b" \t\r\n")
    active = np.arange(len(places))
    while len(active := active[is_space[array[places[active]]]]):
        places[active] += 1
    return places


def _one_of(letters: bytes) -> Mask:
    table = np.zeros(256, dtype=np.bool_)
    table[list(letters)] = True
    return table
