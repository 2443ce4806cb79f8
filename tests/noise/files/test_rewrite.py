import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import noisyseg.noise.files.rewrite as rewrite
from noisyseg.noise.files.rewrite import category_spans, rewritten
from noisyseg.noise.files.scan import scan_annotations

IDS = [3, 90, 1, -17, 0, -(2**63), 2**63 - 1]
CATEGORIES = [{"id": number, "name": f"c{number}"} for number in IDS]


def layout(category_ids, *, colon=": ", before="", after="", extra=""):
    """A file's bytes up to, between and after its category ids, so that where they are is known."""
    parts = ['{"images": [{"id": 5}], "annotations": [']
    for number in range(len(category_ids)):
        comma = ", " if number else ""
        parts[-1] += f'{comma}{{"image_id": 5, {extra}{before}"category_id"{colon}'
        parts.append(f'{after}, "id": {100 + number}}}')
    parts[-1] += f'], "categories": {json.dumps(CATEGORIES)}}}'
    return parts


def joined(parts, category_ids):
    numbers = [str(number) for number in category_ids]
    return "".join(
        part + number for part, number in zip(parts, [*numbers, ""], strict=True)
    ).encode()


def spans_of(data):
    return category_spans(data, scan_annotations(data))


LAYOUTS = {
    "as COCO": {},
    "compact": {"colon": ":"},
    "airy": {"colon": " \t:\r\n   ", "after": "\n\t "},
    "line ends of Windows": {"before": "\r\n", "after": "\r\n"},
    "another text": {"extra": '"name": "é漢 yyyy_id category_id \\"category_id\\": 3, \\u00e9",'},
    "similar keys": {"extra": '"acategory_id": 9, "category_ids": 9, "category_i": 1,'},
    "long": {"extra": '"segmentation": [' + "1.5," * 30 + "2],"},
}


@pytest.mark.parametrize("options", LAYOUTS.values(), ids=LAYOUTS)
def test_the_spans_are_where_the_numbers_were_put(options):
    parts = layout(IDS, **options)
    spans = spans_of(joined(parts, IDS))
    begin = 0
    for start, end, part, number in zip(spans.starts, spans.ends, parts, IDS, strict=False):
        begin += len(part.encode())
        assert (start, end) == (begin, begin + len(str(number)))
        begin = end


@pytest.mark.parametrize("options", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("block", [1, 40, 1 << 20])
@settings(max_examples=8, deadline=None)
@given(data=st.data())
def test_only_the_numbers_change(options, block, data):
    size = data.draw(st.integers(0, 12))
    column = st.lists(st.integers(0, len(IDS) - 1), min_size=size, max_size=size)
    before, after = data.draw(column), data.draw(column)
    parts = layout([IDS[index] for index in before], **options)
    clean = joined(parts, [IDS[index] for index in before])
    table = scan_annotations(clean)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rewrite, "_BLOCK", block)
        patch.setattr(rewrite, "_SEARCH_BLOCK", block)
        spans = category_spans(clean, table)
        blocks = list(rewritten(clean, spans, table, np.array(after, dtype=np.int64)))
    assert b"".join(blocks) == joined(parts, [IDS[index] for index in after])


def one(entry, **rest):
    return (
        '{"images": [{"id": 5}], '
        + "".join(f'"{key}": {value}, ' for key, value in rest.items())
        + (
            f'"annotations": [{entry}, {{"id": 2, "image_id": 5, "category_id": 90}}], '
            f'"categories": {json.dumps(CATEGORIES)}}}'
        )
    )


PLAIN = '{"id": 1, "image_id": 5, "category_id": 3}'
UNPROVEN = {
    "nested": one('{"id": 1, "image_id": 5, "category_id": 3, "attributes": {"category_id": 3}}'),
    "nested before": one('{"id": 1, "a": {"category_id": 3}, "image_id": 5, "category_id": 3}'),
    "in info": one(PLAIN, info='{"category_id": 3}'),
    "in an image": one(PLAIN).replace('{"id": 5}', '{"id": 5, "category_id": 3}'),
    "as a text": one('{"id": 1, "image_id": 5, "category_id": 3, "key": "category_id"}'),
    "in a text": one('{"id": 1, "image_id": 5, "category_id": 3, "key": "a \\"category_id"}'),
    "twice": one('{"id": 1, "image_id": 5, "category_id": 90, "category_id": 3}'),
    "twice, equal": one('{"id": 1, "image_id": 5, "category_id": 3, "category_id": 3}'),
    "escaped": one('{"id": 1, "image_id": 5, "c\\u0061tegory_id": 3}'),
    "escaped, big hex": one('{"id": 1, "image_id": 5, "categ\\u006Fry_id": 3}'),
    "escaped, and one elsewhere": one(
        '{"id": 1, "image_id": 5, "category\\u005fid": 3, "a": {"category_id": 3}}'
    ),
    "minus zero": one('{"id": 1, "image_id": 5, "category_id": -0}'),
    "an earlier list": one(PLAIN, annotations=f"[{PLAIN}]"),
}


@pytest.mark.parametrize("text", UNPROVEN.values(), ids=UNPROVEN)
def test_what_cannot_be_proven_is_left_alone(text):
    json.loads(text)
    assert spans_of(one(PLAIN).encode()) is not None
    table = scan_annotations(text.encode())
    assert table is not None
    assert category_spans(text.encode(), table) is None


@pytest.mark.parametrize("letter", sorted({*"category_id"}))
@pytest.mark.parametrize("form", ["04x", "04X"])
def test_each_letter_of_the_key_may_be_escaped(letter, form):
    key = "category_id".replace(letter, f"\\u{ord(letter):{form}}")
    data = one(
        PLAIN.replace("category_id", key) + "," + PLAIN.replace('"id": 1', '"id": 3')
    ).encode()
    assert category_spans(data, scan_annotations(data)) is None


def test_other_escapes_are_no_harm():
    text = '"\\u0062 \\u0060 \\u007f \\u0075 \\u0162 \\u00e9 \\u6361 \\/ \\\\"'
    assert spans_of(one(PLAIN, info=text).encode()) is not None


def test_a_text_full_of_the_rare_letter():
    data = one(PLAIN, info=json.dumps("y" * 3_000_000 + '"category_id": 3')).encode()
    spans = spans_of(data)
    assert [data[a:b] for a, b in zip(spans.starts, spans.ends, strict=True)] == [b"3", b"90"]


def test_an_earlier_empty_list_is_no_harm():
    data = one(PLAIN, annotations="[]").encode()
    spans = spans_of(data)
    assert [data[a:b] for a, b in zip(spans.starts, spans.ends, strict=True)] == [b"3", b"90"]
