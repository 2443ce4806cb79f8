import hashlib
import json
import os
import pickle
import resource
import shutil
import signal
import sys

import pytest
import torch

from noisyseg.bench.training import checkpoint
from noisyseg.bench.training.checkpoint import find_checkpoint, load_checkpoint, save_checkpoint

KEY = "0123456789abcdef"


class Harmful:
    """An object whose unpickling makes a folder."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


@pytest.fixture
def state():
    optimizer = torch.optim.SGD([torch.ones(3, requires_grad=True)], lr=0.1, momentum=0.9)
    optimizer.param_groups[0]["params"][0].grad = torch.arange(3.0)
    optimizer.step()
    model = {f"weight.{n}": torch.randn(5, 5) for n in range(10)}
    return {"key": KEY, "epoch": 2, "model": model, "optimizer": optimizer.state_dict()}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "checkpoints" / "last.pth"


def small(epoch, iteration=0, key=KEY):
    """A state whose one tensor tells its epoch, too."""
    return {"key": key, "epoch": epoch, "iteration": iteration, "w": torch.full((40,), epoch)}


def epoch_of(path):
    """Of what is gone on from; its tensor is the one that was saved with it."""
    found = load_checkpoint(path, key=KEY)
    if found is None:
        return None
    assert (found["w"] == found["epoch"]).all()
    return found["epoch"]


def names(path):
    return sorted(file.name for file in path.parent.iterdir())


def test_what_is_saved_is_read(path, state):
    save_checkpoint(path, {**state, "epoch": 1})
    save_checkpoint(path, state)
    read = load_checkpoint(path, key=KEY)
    assert read["epoch"] == 2
    torch.testing.assert_close(read["model"], state["model"], rtol=0, atol=0)
    momentum = read["optimizer"]["state"][0]["momentum_buffer"]
    assert momentum.tolist() == [0.0, 1.0, 2.0]


def test_the_last_and_the_one_before_are_kept_each_with_its_sum(path):
    save_checkpoint(path, small(1))
    assert names(path) == ["last.json", "last.pth"]
    save_checkpoint(path, small(2))
    save_checkpoint(path, small(2, iteration=7))
    assert names(path) == ["last.json", "last.pth", "previous.json", "previous.pth"]
    for name, iteration in (("last", 7), ("previous", 0)):
        note = json.loads((path.parent / f"{name}.json").read_bytes())
        data = (path.parent / f"{name}.pth").read_bytes()
        assert note.pop("written").startswith("20")
        assert note == {
            "sha256": hashlib.sha256(data).hexdigest(),
            "key": KEY,
            "epoch": 2,
            "iteration": iteration,
        }
        assert torch.load(path.with_stem(name), weights_only=True)["iteration"] == iteration


@pytest.mark.parametrize("links", [True, False])
def test_all_ends_of_epochs_stay_where_that_is_asked_for(path, monkeypatch, links):
    if not links:

        def refuse(*_):
            raise PermissionError

        monkeypatch.setattr("os.link", refuse)
    for epoch, iteration in ((1, 0), (1, 5), (2, 0), (12, 0)):
        save_checkpoint(path, small(epoch, iteration), keep_all=True)
    kept = ["epoch-0001.pth", "epoch-0002.pth", "epoch-0012.pth"]
    assert [name for name in names(path) if name.startswith("epoch")] == kept
    assert len(names(path)) == 3 + 4
    found = [torch.load(path.parent / name, weights_only=True)["epoch"] for name in kept]
    assert found == [1, 2, 12]


def test_no_checkpoint_and_another_runs_are_none(path, state):
    assert load_checkpoint(path, key=KEY) is None
    save_checkpoint(path, state)
    assert load_checkpoint(path, key="fedcba9876543210") is None
    torch.save([1, 2], path)
    assert load_checkpoint(path, key=KEY) is None


# Stopped while it saves


def left_by_kills(path, state):
    """Saves; each different content that the folder has before one of the lines run for that.

    A process that is killed there leaves that: nobody tidies up after it.
    """
    found = []

    def look(frame, event, _):
        if frame.f_code.co_filename != checkpoint.__file__:
            return None
        if path.parent.is_dir() and (now := contents(path)) not in found:
            found.append(now)
        return look

    before = sys.gettrace()
    sys.settrace(look)
    try:
        save_checkpoint(path, state, keep_all=True)
    finally:
        sys.settrace(before)
    return [*found, contents(path)]


def contents(path):
    return {name: (path.parent / name).read_bytes() for name in names(path)}


def put(path, files):
    shutil.rmtree(path.parent, ignore_errors=True)
    path.parent.mkdir()
    for name, data in files.items():
        (path.parent / name).write_bytes(data)


@pytest.mark.parametrize("start", ["none", "of before", "one", "two", "one was removed"])
def test_killed_at_any_line_of_a_save_a_sound_one_is_left(path, monkeypatch, start):
    """And killed once more in the next save."""
    monkeypatch.setattr(checkpoint, "datetime", Noon)
    if start in ("two", "one was removed"):
        save_checkpoint(path, small(1))
    if start != "none":
        save_checkpoint(path, small(2))
    if start == "of before":
        path.with_suffix(".json").unlink()
    if start == "one was removed":
        path.unlink()
    begin = contents(path) if path.parent.is_dir() else {}
    put(path, begin)
    oldest = epoch_of(path)
    left = left_by_kills(path, small(3))
    assert len(left) >= 6
    for files in left:
        put(path, files)
        second = epoch_of(path)
        assert second in {oldest, 3}
        for again in left_by_kills(path, small(4)):
            put(path, again)
            assert epoch_of(path) in {second, 4}
        assert epoch_of(path) == 4
        assert not [name for name in names(path) if "part" in name and "epoch" not in name]
    put(path, left[-1])
    assert epoch_of(path) == 3


class Noon:
    """Two saves of a state then write the same bytes."""

    @classmethod
    def now(cls, zone):
        return cls()

    def isoformat(self, timespec):
        return "2026-01-01T12:00:00+00:00"


@pytest.mark.parametrize("room", [0, 100, 1000, "all but the notes"])
def test_a_full_disk_leaves_what_was_there(path, monkeypatch, room):
    """By the kernel's own limit of a file's size, and where the small files find no room."""
    save_checkpoint(path, small(1))
    save_checkpoint(path, small(2))
    before = contents(path)
    if room == "all but the notes":
        full(monkeypatch)
        with pytest.raises(OSError, match="No space left"):
            save_checkpoint(path, small(3))
    else:
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, limits[1]))
        try:
            with pytest.raises(OSError, match="too large"):
                save_checkpoint(path, small(3))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
            signal.signal(signal.SIGXFSZ, handler)
    assert contents(path) == before
    assert epoch_of(path) == 2


def full(monkeypatch):
    """The third file that is written finds the disk full."""
    sync, written = os.fsync, []

    def fsync(handle):
        written.append(handle)
        if len(written) == 3:
            raise OSError(28, "No space left on device")
        sync(handle)

    monkeypatch.setattr("os.fsync", fsync)


# Damaged


def test_a_damaged_last_one_is_passed_over_for_the_one_before_and_that_is_said(path):
    save_checkpoint(path, small(1))
    save_checkpoint(path, small(2))
    data = bytearray(path.read_bytes())
    data[data.index(torch.full((40,), 2).numpy().tobytes())] = 3  # torch would read it
    path.write_bytes(data)
    assert torch.load(path, weights_only=True)["w"][0] == 3
    found = find_checkpoint(path, key=KEY)
    assert found.state["epoch"] == 1
    assert found.unsound == (path,)
    (problem,) = found.problems
    assert problem.startswith("checkpoints/last.pth was passed over: its SHA-256 is not")
    path.with_stem("previous").write_bytes(b"")
    found = find_checkpoint(path, key=KEY)
    assert (found.state, len(found.problems)) == (None, 2)


def test_a_damaged_note_vouches_for_nothing(path):
    save_checkpoint(path, small(1))
    save_checkpoint(path, small(2))
    for content in (b"", b"[]", b"{}", b'{"sha256": 4}', b"\xff"):
        path.with_suffix(".json").write_bytes(content)
        assert epoch_of(path) == 1
    path.with_suffix(".json").unlink()
    assert epoch_of(path) == 1


def test_a_file_that_cannot_be_read_is_no_reason_to_start_anew(path, monkeypatch):
    save_checkpoint(path, small(1))

    def fail(_):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(checkpoint, "sha256_file", fail)
    with pytest.raises(OSError, match="Input/output"):
        find_checkpoint(path, key=KEY)


# A store of before there were notes: torch decides


def test_a_checkpoint_without_a_note_is_gone_on_from_and_then_noted(path):
    path.parent.mkdir()
    torch.save(small(1), path)
    assert epoch_of(path) == 1
    save_checkpoint(path, small(2))
    assert names(path) == ["last.json", "last.pth", "previous.json", "previous.pth"]
    path.write_bytes(b"")
    assert epoch_of(path) == 1


def test_a_torn_file_is_none_wherever_it_is_torn(tmp_path, state):
    whole, torn = tmp_path / "whole" / "last.pth", tmp_path / "torn" / "last.pth"
    save_checkpoint(whole, state)
    torn.parent.mkdir()
    data = whole.read_bytes()
    for length in [*range(0, len(data), len(data) // 40), len(data) - 1]:
        torn.write_bytes(data[:length])
        assert load_checkpoint(torn, key=KEY) is None, length
    for length in range(0, len(data) - 100, len(data) // 40):  # the rest not on the disk yet
        torn.write_bytes(data[:length] + bytes(len(data) - length))
        assert load_checkpoint(torn, key=KEY) is None, length


@pytest.mark.parametrize(
    "content", [b"hello world", b"\x80\x02.", b"PK\x03\x04 no archive", b"\x00"]
)
def test_a_file_of_another_kind_is_none(tmp_path, content):
    path = tmp_path / "last.pth"
    path.write_bytes(content)
    assert load_checkpoint(path, key=KEY) is None


@pytest.mark.parametrize("legacy", [False, True])
def test_no_object_is_unpickled(tmp_path, legacy):
    path, folder = tmp_path / "last.pth", tmp_path / "made"
    state = {"key": KEY, "epoch": 1, "model": Harmful(folder)}
    if legacy:
        path.write_bytes(pickle.dumps(state, protocol=2))
    else:
        torch.save(state, path)
    assert load_checkpoint(path, key=KEY) is None
    assert not folder.exists()
