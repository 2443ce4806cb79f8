"""Zips whose bytes follow from their files alone, read by another program: Python's zipfile."""

import stat
import zipfile

import pytest

from noisyseg.bench.leaderboard.zip_writing import packed, zip_blocks, zip_size
from noisyseg.errors import InputError


@pytest.fixture
def files(tmp_path):
    (tmp_path / "long").write_bytes(bytes(range(256)) * 9000)
    return [
        packed("runs/b", tmp_path / "long"),
        packed("empty", b""),
        packed("a.json", b"{}"),
    ]


def test_another_program_reads_it(tmp_path, files):
    path = tmp_path / "x.zip"
    path.write_bytes(b"".join(zip_blocks(files)))
    assert path.stat().st_size == zip_size(files)
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["a.json", "empty", "runs/b"]
        assert archive.read("runs/b") == bytes(range(256)) * 9000
        assert archive.comment == b""
        for entry in archive.infolist():
            assert entry.date_time == (1980, 1, 1, 0, 0, 0)
            assert entry.external_attr >> 16 == stat.S_IFREG | 0o644
            assert entry.compress_type == zipfile.ZIP_STORED
            assert (entry.extra, entry.comment, entry.flag_bits) == (b"", b"", 0)


def test_order_and_place_leave_the_bytes_alone(tmp_path, files):
    turned = [packed("a.json", b"{}"), packed("runs/b", bytes(range(256)) * 9000), files[1]]
    assert b"".join(zip_blocks(files)) == b"".join(zip_blocks(turned))


def test_what_changes_meanwhile_is_not_packed(tmp_path, files):
    (tmp_path / "long").write_bytes(bytes(range(256)) * 8999 + bytes(256))
    with pytest.raises(InputError, match="changed while it was packed"):
        list(zip_blocks(files))
    (tmp_path / "long").unlink()
    with pytest.raises(InputError, match="cannot read"):
        list(zip_blocks(files))
    with pytest.raises(InputError, match="cannot read"):
        packed("a", tmp_path)
