"""The file of matches: read back whole, the same bytes again, nothing damaged believed."""

import hashlib
from contextlib import suppress

import msgspec
import numpy as np
import pytest
import zstandard

from noisyseg.errors import InputError
from noisyseg.results.evaluation.average_precision import average_precision
from noisyseg.results.evaluation.image_matches import ClassMatches, Matches
from noisyseg.results.evaluation.matches_file import read_matches, write_matches

SHA = "cd" * 32


def class_of(image, right, counts, instances):
    return ClassMatches(
        image=np.array(image, dtype=np.int64),
        right=np.array(right, dtype=bool),
        counts=np.array(counts, dtype=bool),
        instances=np.array(instances, dtype=np.int64),
    )


SMALL = Matches(
    image_ids=(7, 11, 580_000),
    classes=(
        class_of([2, 0], [[1, 0], [0, 0]], [[1, 1], [1, 0]], [1, 0, 300]),
        class_of([], np.zeros((2, 0)), np.zeros((2, 0)), [0, 0, 0]),
    ),
)


def same(one, other):
    fields = ("image", "right", "counts", "instances")
    return one.image_ids == other.image_ids and all(
        np.array_equal(getattr(a, name), getattr(b, name))
        for a, b in zip(one.classes, other.classes, strict=True)
        for name in fields
    )


def test_what_is_written_is_read_back_and_equal_matches_give_equal_bytes(tmp_path):
    path, other = tmp_path / "run" / "matches.msgpack.zst", tmp_path / "again.zst"
    checksum = write_matches(path, SMALL, predictions_sha256=SHA)
    assert checksum == hashlib.sha256(path.read_bytes()).hexdigest()
    found = read_matches(path)
    assert same(found, SMALL)
    assert average_precision(found) == average_precision(SMALL)
    assert [file.name for file in path.parent.iterdir()] == ["matches.msgpack.zst"]
    assert write_matches(other, found, predictions_sha256=SHA) == checksum


def test_any_program_can_read_it(tmp_path):
    """Little-endian numbers; a row of bits begins with its byte's highest."""
    path = tmp_path / "m.zst"
    write_matches(path, SMALL, predictions_sha256=SHA)
    document = msgspec.msgpack.decode(zstandard.decompress(path.read_bytes()))
    assert document == {
        "format": 1,
        "evaluation": 1,
        "predictions_sha256": SHA,
        "thresholds": 2,
        "image_ids": [7, 11, 580_000],
        "classes": [
            {
                "image": bytes([2, 0, 0, 0, 0, 0, 0, 0]),
                "right": bytes([0b1000_0000, 0]),
                "counts": bytes([0b1100_0000, 0b1000_0000]),
                "instances": bytes([1, 0, 0, 0, 0, 0, 0, 0, 44, 1, 0, 0]),
            },
            {"image": b"", "right": b"", "counts": b"", "instances": bytes(12)},
        ],
    }


def test_no_class_and_no_detection_are_fine(tmp_path):
    for matches in (
        Matches(image_ids=(1, 2), classes=()),
        Matches(image_ids=(7, 11, 580_000), classes=SMALL.classes[1:]),
    ):
        write_matches(tmp_path / "m.zst", matches, predictions_sha256=SHA)
        assert same(read_matches(tmp_path / "m.zst"), matches)


def test_truncated_and_damaged_files_are_refused_and_named(tmp_path):
    path = tmp_path / "matches.msgpack.zst"
    write_matches(path, SMALL, predictions_sha256=SHA)
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(InputError, match=r"matches\.msgpack\.zst"):
            read_matches(path)
    for place in range(len(whole)):
        for flipped in (0x01, 0x80, 0xFF):
            damaged = bytearray(whole)
            damaged[place] ^= flipped
            path.write_bytes(damaged)
            with suppress(InputError):  # a bit of the header may not matter to the content
                assert same(read_matches(path), SMALL)
    path.write_bytes(whole + b"more")
    with pytest.raises(InputError, match="follow"):
        read_matches(path)
    with pytest.raises(InputError, match=r"cannot read matches .*absent\.zst"):
        read_matches(tmp_path / "absent.zst")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"format": 2}, r"\$\.format"),
        ({"image_ids": [7, 11]}, "other images than the 2"),
        ({"image_ids": None}, r"\$\.image_ids"),
        ({"thresholds": 3}, "reshape"),
        ({"thresholds": -1}, "does not hold"),
        ({"classes": [{"image": b"123", "right": b"", "counts": b"", "instances": b""}]}, "buffer"),
        ({"more": 1}, "more"),
    ],
)
def test_another_document_is_refused(tmp_path, changes, said):
    path = tmp_path / "m.zst"
    write_matches(path, SMALL, predictions_sha256=SHA)
    document = msgspec.msgpack.decode(zstandard.decompress(path.read_bytes()))
    path.write_bytes(zstandard.compress(msgspec.msgpack.encode({**document, **changes})))
    with pytest.raises(InputError, match=said):
        read_matches(path)


def test_an_image_that_is_not_there_is_refused(tmp_path):
    stray = class_of([3], [[1], [0]], [[1], [1]], [1, 0, 0])
    path = tmp_path / "m.zst"
    write_matches(path, Matches(image_ids=(1, 2, 3), classes=(stray,)), predictions_sha256=SHA)
    with pytest.raises(InputError, match="other images than the 3"):
        read_matches(path)
