import os
import time

import pytest

from noisyseg.bench.cluster import mirror as mirror_module
from noisyseg.bench.cluster.home_files import HomeFiles
from noisyseg.bench.cluster.mirror import Mirror, fetch, kept_in_step
from noisyseg.errors import InputError
from noisyseg.files import write_atomically


class Counting(HomeFiles):
    """The home's files, and what was asked of them."""

    def __init__(self, root):
        super().__init__(root)
        self.asked = []

    def write(self, path, offset, data, owner):
        self.asked.append(("write", os.path.basename(path)))
        super().write(path, offset, data, owner)

    def append(self, path, offset, data, owner):
        self.asked.append(("append", os.path.basename(path)))
        return super().append(path, offset, data, owner)

    def put_again(self, source, path, sha256, owner):
        self.asked.append(("put again", os.path.basename(path)))
        return super().put_again(source, path, sha256, owner)


@pytest.fixture
def home(tmp_path):
    (tmp_path / "home" / "run").mkdir(parents=True)
    return tmp_path / "home" / "run"


@pytest.fixture
def here(tmp_path):
    (tmp_path / "here").mkdir()
    return tmp_path / "here"


@pytest.fixture
def files(home):
    return Counting(str(home.parent))


def contents(folder):
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def test_what_changes_here_is_sent_once_and_what_is_removed_is_removed_there(files, home, here):
    mirror = Mirror(files, {here: str(home)}, "me")
    write_atomically(here / "progress.json", b"1")
    write_atomically(here / "checkpoints" / "last.pth", b"state")
    (here / ".lock").touch()
    (here / "progress.part").touch()
    mirror.send()
    expected = {"progress.json": b"1", "checkpoints/last.pth": b"state"}
    assert contents(home) == expected
    before = len(files.asked)
    mirror.send()
    assert len(files.asked) == before
    write_atomically(here / "progress.json", b"22")
    mirror.send()
    assert contents(home) == {**expected, "progress.json": b"22"}
    (here / "progress.json").unlink()
    (home / "another's").touch()
    mirror.send()
    assert contents(home).keys() == {"checkpoints/last.pth", "another's"}


def test_files_go_after_what_they_vouch_for(files, home, here):
    names = ["record.json", "trained.json", "predictions.json.zst", "manifest.json"]
    names += [
        f"checkpoints/{name}.{kind}" for name in ("last", "previous") for kind in ("json", "pth")
    ]
    for name in names:
        write_atomically(here / name, name.encode())
    Mirror(files, {here: str(home)}, None).send()
    order = [name for _, name in files.asked]
    place = {name: order.index(os.path.basename(name)) for name in names}
    assert place["record.json"] == len(names) - 1
    assert place["trained.json"] == len(names) - 2
    # At any moment a checkpoint is whole, with its SHA-256 in one of the two notes.
    checkpoints = [name for name in order if name[:4] in ("last", "prev")]
    assert checkpoints == ["previous.pth", "previous.json", "last.pth", "last.json"]


def test_a_checkpoint_that_was_renamed_is_not_sent_again(files, home, here):
    mirror = Mirror(files, {here: str(home)}, None)
    first, second = os.urandom(2 << 20), os.urandom(2 << 20)
    write_atomically(here / "last.pth", first)
    mirror.send()
    (here / "last.pth").replace(here / "previous.pth")
    write_atomically(here / "last.pth", second)
    files.asked.clear()
    mirror.send()
    assert contents(home) == {"last.pth": second, "previous.pth": first}
    assert files.asked == [("put again", "previous.pth"), ("write", "last.pth")]


def test_of_a_growing_log_the_end_is_sent_alone(files, home, here, monkeypatch):
    monkeypatch.setattr(mirror_module, "PIECE", 10)
    (home / "run.log").write_bytes(b"of an earlier worker\n")
    mirror = Mirror(files, {here: str(home)}, None)
    mirror.fetch(checkpoints=False)
    with (here / "run.log").open("ab") as log:
        for line in (b"begun\n", b"a line of more than ten bytes\n", b"ended\n"):
            log.write(line)
            log.flush()
            mirror.send()
    assert (home / "run.log").read_bytes() == (here / "run.log").read_bytes()
    assert len((home / "run.log").read_bytes()) == 63
    assert {kind for kind, _ in files.asked} == {"append"}
    (home / "run.log").write_bytes(b"")  # a home that lost it
    with (here / "run.log").open("ab") as log:
        log.write(b"more\n")
    mirror.send()
    assert (home / "run.log").read_bytes() == (here / "run.log").read_bytes()


def test_what_the_home_has_is_fetched_but_for_what_nobody_needs_here(files, home, here):
    for name in ("log.jsonl", "spec.json", "last.pth", "progress.json", "record.json.corrupt-1"):
        write_atomically(home / name, name.encode())
    mirror = Mirror(files, {here: str(home)}, None)
    mirror.fetch(checkpoints=False)
    # What was set aside, too: the next one must not take its name.
    assert contents(here).keys() == {"log.jsonl", "spec.json", "record.json.corrupt-1"}
    mirror.fetch(checkpoints=True)
    assert contents(here)["last.pth"] == b"last.pth"
    mirror.send()
    assert files.asked == []  # the home has all this


def test_a_file_that_changes_while_it_is_fetched_is_refused(files, home, here, monkeypatch):
    write_atomically(home / "last.pth", b"before")
    read = files.read

    def changed(*asked):
        write_atomically(home / "last.pth", b"after!")
        return read(*asked)

    monkeypatch.setattr(files, "read", changed)
    with pytest.raises(InputError, match="changed while it was sent"):
        fetch(files, str(home / "last.pth"), here / "last.pth")
    assert contents(here) == {}
    assert fetch(files, str(home / "absent"), here / "absent") is None


def test_a_block_is_kept_in_step_and_what_fails_meanwhile_is_tried_again(
    files, home, here, monkeypatch
):
    mirror, write, failed = Mirror(files, {here: str(home)}, None), files.write, []

    def full_once(*arguments):
        if not failed:
            failed.append(True)
            raise OSError(28, "No space left on device")
        write(*arguments)

    monkeypatch.setattr(files, "write", full_once)

    def work():
        with kept_in_step(mirror, every=0.02):
            write_atomically(here / "log.jsonl", b"1")
            deadline = time.monotonic() + 10
            while contents(home) != {"log.jsonl": b"1"} and time.monotonic() < deadline:
                time.sleep(0.02)
            assert failed
            assert contents(home) == {"log.jsonl": b"1"}
            write_atomically(here / "log.jsonl", b"12")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        work()
    assert contents(home) == {"log.jsonl": b"12"}


def test_a_full_home_is_told_at_the_end(files, home, here, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files, "write", full)
    with (
        pytest.raises(OSError, match="No space left"),
        kept_in_step(Mirror(files, {here: str(home)}, None)),
    ):
        write_atomically(here / "log.jsonl", b"1")
