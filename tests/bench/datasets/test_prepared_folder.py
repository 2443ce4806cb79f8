import json
from pathlib import Path

import pytest

from noisyseg.bench.datasets.prepared_folder import (
    NOTE,
    read_note,
    withdraw_note,
    writable,
    write_note,
)
from noisyseg.errors import InputError

MADE_FROM = {"converter": 1, "name": "toy", "lists_sha256": "0" * 64}
COUNTS = {"train": {"images": 2, "annotations": 3}, "val": {"images": 1, "annotations": 0}}
FILES = ["annotations/instances_train.json", "annotations/instances_val.json"]


@pytest.fixture
def folder(tmp_path):
    for name in FILES:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(name)
    write_note(tmp_path, made_from=MADE_FROM, files=FILES, counts=COUNTS, notes=["odd"])
    return tmp_path


def test_a_note_vouches_for_what_it_was_written_of(folder):
    note = read_note(folder, MADE_FROM)
    assert (note.made_from, note.counts, note.notes) == (MADE_FROM, COUNTS, ["odd"])
    assert list(note.sha256) == FILES


@pytest.mark.parametrize("key", MADE_FROM)
def test_a_note_of_something_else_is_none(folder, key):
    assert read_note(folder, {**MADE_FROM, key: "another"}) is None


@pytest.mark.parametrize("name", FILES)
def test_an_edited_or_absent_file_is_noticed(folder, name):
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[:-1] + b"x")
    assert read_note(folder, MADE_FROM) is None
    (folder / name).write_bytes(content)
    assert read_note(folder, MADE_FROM) is not None
    (folder / name).unlink()
    assert read_note(folder, MADE_FROM) is None


def test_a_damaged_note_is_none(folder):
    path = folder / NOTE
    content = path.read_bytes()
    raw = json.loads(content)
    unfit = [b"", content[: len(content) // 2], b"[]", b"null", b"\xff", b"{}"]
    unfit += [json.dumps({k: v for k, v in raw.items() if k != key}).encode() for key in raw]
    unfit += [json.dumps({**raw, "format": 2}).encode(), json.dumps({**raw, "sha256": 3}).encode()]
    for damaged in unfit:
        path.write_bytes(damaged)
        assert read_note(folder, MADE_FROM) is None
    path.write_bytes(content)
    assert read_note(folder, MADE_FROM) is not None


def test_a_withdrawn_note_vouches_for_nothing(folder):
    withdraw_note(folder)
    assert read_note(folder, MADE_FROM) is None
    withdraw_note(folder)  # twice is no error


def test_a_folder_that_cannot_be_written_to(tmp_path):
    in_the_way = tmp_path / "file"
    in_the_way.write_text("")
    assert not writable(in_the_way)
    assert not writable(in_the_way / "below")
    assert not writable(Path("/proc/noisyseg"))
    with pytest.raises(InputError, match=f"cannot write in {in_the_way / 'below'}: .*--out"):
        withdraw_note(in_the_way / "below")
    assert writable(tmp_path / "new" / "one")
    assert list((tmp_path / "new" / "one").iterdir()) == []
