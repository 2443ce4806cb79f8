import errno
import hashlib
import os

import pytest

from noisyseg.errors import InputError
from noisyseg.files import canonical_json, sha256_file, sorted_json, write_atomically


def test_canonical_json_is_the_same_for_equal_values():
    assert canonical_json({"b": 1.5, "a": ["é", None]}) == '{"a":["é",null],"b":1.5}'.encode()


def test_canonical_json_refuses_what_json_cannot_hold():
    with pytest.raises(ValueError, match="JSON"):
        canonical_json(float("nan"))


@pytest.mark.parametrize("number", [1, 2**63, 2**64, -(2**70)])
def test_sorted_json_tells_values_apart_however_large_their_integers(number):
    assert sorted_json({"b": number, "a": 0.5}) == sorted_json({"a": 0.5, "b": number})
    assert sorted_json({"a": number}) != sorted_json({"a": number + 1})


def test_a_file_s_sum_is_its_bytes_sum(tmp_path):
    data = os.urandom(3_000_000)
    (tmp_path / "f").write_bytes(data)
    assert sha256_file(tmp_path / "f") == hashlib.sha256(data).hexdigest()


def test_a_write_makes_its_folder_and_replaces_the_file(tmp_path):
    path = tmp_path / "new" / "f"
    write_atomically(path, b"one")
    write_atomically(path, b"two")
    assert path.read_bytes() == b"two"
    assert [entry.name for entry in path.parent.iterdir()] == ["f"]


def test_a_full_disk_is_a_clear_error_and_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "f"
    write_atomically(path, b"old")

    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match=r"cannot write .*f: No space left on device"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["f"]


def test_a_folder_that_cannot_be_is_a_clear_error(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(InputError, match="cannot write"):
        write_atomically(tmp_path / "file" / "f", b"")
