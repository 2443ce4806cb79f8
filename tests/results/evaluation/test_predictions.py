import hashlib
import json
import re
import shutil
import subprocess
from contextlib import suppress

import numpy as np
import pytest
import zstandard

from noisyseg.errors import InputError
from noisyseg.results.evaluation.predictions import Predictions, read_predictions, write_predictions

SHA = "ab" * 32


def _detection(**changes):
    return {
        "image_id": 7,
        "category_id": 90,
        "score": 0.1 + 0.2,
        "bbox": [1.5, 2.0, 3.25, 4.0],
        "segmentation": {"size": [8, 9], "counts": "0h1"},
        **changes,
    }


def _write(path, detections, image_ids=(7, 3)):
    return write_predictions(path, detections, image_ids=image_ids, annotation_sha256=SHA)


def test_what_is_written_is_read_back_to_the_last_bit(tmp_path):
    path = tmp_path / "run" / "predictions.json.zst"
    scores = [0.1 + 0.2, 1e-17, 1 / 3, 1.0]
    detections = [_detection(score=score) for score in scores]
    checksum = _write(path, detections)
    assert read_predictions(path) == Predictions((7, 3), detections, SHA)
    assert [d["score"] for d in read_predictions(path).detections] == scores
    assert checksum == hashlib.sha256(path.read_bytes()).hexdigest()
    assert [file.name for file in path.parent.iterdir()] == ["predictions.json.zst"]


def test_no_detection_at_all_is_fine(tmp_path):
    _write(tmp_path / "p.json.zst", [])
    assert read_predictions(tmp_path / "p.json.zst") == Predictions((7, 3), [], SHA)


def test_equal_detections_give_equal_bytes(tmp_path):
    one, other = tmp_path / "a.zst", tmp_path / "b.zst"
    from_numpy = _detection(
        image_id=np.int64(7),
        score=np.float64(0.1 + 0.2),
        bbox=np.array([1.5, 2.0, 3.25, 4.0], dtype=np.float32),
        segmentation={"counts": b"0h1", "size": (8, 9)},
    )
    shuffled_keys = dict(reversed(from_numpy.items()))
    assert _write(one, [_detection()]) == _write(other, [shuffled_keys])
    assert one.read_bytes() == other.read_bytes()


@pytest.mark.skipif(shutil.which("zstd") is None, reason="needs the zstd program")
def test_the_zstd_program_reads_it(tmp_path):
    path = tmp_path / "predictions.json.zst"
    _write(path, [_detection()])
    text = subprocess.run(["zstd", "-dc", str(path)], capture_output=True, check=True).stdout
    assert json.loads(text) == {
        "format": 1,
        "annotations_sha256": SHA,
        "image_ids": [7, 3],
        "detections": [_detection()],
    }


def test_every_truncation_is_refused_and_named(tmp_path):
    path = tmp_path / "predictions.json.zst"
    _write(path, [_detection()])
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(InputError, match=r"predictions\.json\.zst"):
            read_predictions(path)


def test_no_damaged_byte_goes_unseen(tmp_path):
    path = tmp_path / "predictions.json.zst"
    _write(path, [_detection()])
    whole = path.read_bytes()
    written = read_predictions(path)
    for place in range(len(whole)):
        for flipped in (0x01, 0x80, 0xFF):
            damaged = bytearray(whole)
            damaged[place] ^= flipped
            path.write_bytes(damaged)
            # A bit of the header that does not matter to the content may change unseen.
            with suppress(InputError):
                assert read_predictions(path) == written


def test_data_after_the_end_are_refused(tmp_path):
    path = tmp_path / "predictions.json.zst"
    _write(path, [])
    path.write_bytes(path.read_bytes() + b"more")
    with pytest.raises(InputError, match="follow"):
        read_predictions(path)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"format": 2}, r"`\$\.format`"),
        ({"image_ids": {}}, r"`\$\.image_ids`"),
        ({"annotations_sha256": None}, r"`\$\.annotations_sha256`"),
        ({"more": 1}, "`more`"),
        ({"detections": [3]}, "detection 0: wanted the keys"),
    ],
)
def test_another_document_is_refused(tmp_path, changes, said):
    document = {"format": 1, "annotations_sha256": SHA, "image_ids": [], "detections": []}
    path = tmp_path / "p.zst"
    for content in ({**document, **changes}, [document]):
        path.write_bytes(zstandard.compress(json.dumps(content).encode()))
        with pytest.raises(InputError, match="does not hold predictions") as caught:
            read_predictions(path)
        assert isinstance(content, list) or re.search(said, str(caught.value))


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match=r"absent\.zst"):
        read_predictions(tmp_path / "absent.zst")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"score": float("nan")}, "score"),
        ({"score": float("inf")}, "score"),
        ({"score": "0.5"}, "score"),
        ({"score": True}, "score"),
        ({"image_id": 7.0}, "image_id"),
        ({"category_id": None}, "category_id"),
        ({"bbox": [1, 2, 3]}, "bbox"),
        ({"bbox": "1234"}, "bbox"),
        ({"bbox": [1, 2, -3, 4]}, "negative"),
        ({"bbox": [1, 2, float("nan"), 4]}, "bbox"),
        ({"segmentation": [[0, 0, 1, 0, 1, 1]]}, "segmentation"),
        ({"segmentation": {"size": [8, 9], "counts": [72]}}, "counts"),
        ({"segmentation": {"size": [8], "counts": "0h1"}}, "size"),
        ({"area": 4}, "area"),
    ],
)
def test_a_malformed_detection_is_refused_with_its_place(tmp_path, changes, said):
    path = tmp_path / "p.zst"
    with pytest.raises(InputError, match=rf"detection 1\b.*{said}"):
        _write(path, [_detection(), _detection(**changes)])
    assert not path.exists()


def test_a_detection_of_an_image_not_evaluated_is_refused(tmp_path):
    with pytest.raises(InputError, match="image 7"):
        _write(tmp_path / "p.zst", [_detection()], image_ids=[3])


def test_an_image_given_twice_is_refused(tmp_path):
    with pytest.raises(InputError, match="twice"):
        _write(tmp_path / "p.zst", [], image_ids=[3, 3])
