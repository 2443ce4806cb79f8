import os

import pytest
import zstandard

from noisyseg.bench.cluster.home_files import FileFacts, HomeFiles, SupersededError
from noisyseg.bench.runs.state import is_locked
from noisyseg.errors import InputError
from noisyseg.files import sha256_bytes

OLD, NEW = b"old" * 1000, b"new" * 2000


@pytest.fixture
def root(tmp_path):
    (tmp_path / "runs" / "run").mkdir(parents=True)
    return tmp_path / "runs"


@pytest.fixture
def files(root):
    return HomeFiles(str(root))


def arrive(files, path, content, owner=None, *, piece=2500, as_told=None):
    for offset in range(0, len(content), piece):
        files.write(path, offset, content[offset : offset + piece], owner)
    return files.put(path, sha256_bytes(as_told or content), owner)


def test_a_file_arrives_in_pieces_and_takes_its_place_whole(files, root):
    path = root / "run" / "checkpoints" / "last.pth"
    assert arrive(files, str(path), OLD)
    files.write(str(path), 0, NEW[:2500], None)
    assert path.read_bytes() == OLD  # half of the new one lies beside it
    assert arrive(files, str(path), NEW)
    assert path.read_bytes() == NEW
    assert files.put(str(path), sha256_bytes(NEW), None)  # Ray asks again where no answer came
    assert os.listdir(path.parent) == ["last.pth"]


def test_a_file_that_arrives_damaged_leaves_what_was_there(files, root):
    path = root / "run" / "log.jsonl"
    assert arrive(files, str(path), OLD)
    assert not arrive(files, str(path), NEW, as_told=b"something else")
    assert path.read_bytes() == OLD
    assert os.listdir(path.parent) == ["log.jsonl"]


def test_a_file_that_the_home_has_need_not_arrive_again(files, root):
    last, previous = root / "run" / "last.pth", root / "run" / "previous.pth"
    last.write_bytes(OLD)
    for _ in range(2):
        assert files.put_again(str(last), str(previous), sha256_bytes(OLD), None)
    assert not files.put_again(str(last), str(previous), sha256_bytes(NEW), None)
    assert arrive(files, str(last), NEW)
    assert (last.read_bytes(), previous.read_bytes()) == (NEW, OLD)
    assert sorted(os.listdir(last.parent)) == ["last.pth", "previous.pth"]


def test_a_log_is_added_to_at_its_end_once(files, root):
    path = str(root / "run" / "run.log")
    assert not files.append(path, 0, b"a", None)  # it has not arrived yet
    (root / "run" / "run.log").write_bytes(b"one\n")
    for _ in range(2):
        assert files.append(path, 4, b"two\n", None)
    assert not files.append(path, 5, b"three\n", None)
    assert (root / "run" / "run.log").read_bytes() == b"one\ntwo\n"


def test_a_file_is_read_in_pieces_with_its_sum(files, root):
    path = root / "run" / "last.pth"
    path.write_bytes(NEW)
    assert files.facts(str(path)) == FileFacts(6000, sha256_bytes(NEW))
    pieces = [zstandard.decompress(files.read(str(path), at, 2500)) for at in (0, 2500, 5000, 7500)]
    assert list(map(len, pieces)) == [2500, 2500, 1000, 0]
    assert b"".join(pieces) == NEW
    path.write_bytes(OLD)
    assert files.facts(str(path)) == FileFacts(3000, sha256_bytes(OLD))
    assert files.facts(str(root / "run" / "absent")) is None


def test_whether_a_file_fits_is_a_question_of_its_compressed_size(files, root):
    alike, random = root / "alike", root / "random"
    alike.write_bytes(b"a" * 100_000)
    random.write_bytes(os.urandom(100_000))
    assert files.fits(str(alike), 1000)
    assert not files.fits(str(random), 99_000)
    assert files.fits(str(random), 100_000)
    assert not files.fits(str(root / "absent"), 100_000)


def test_nothing_outside_of_the_store_is_read_or_written(root, tmp_path):
    secret, listed = tmp_path / "secret", tmp_path / "listed.json"
    secret.write_bytes(OLD)
    listed.write_bytes(OLD)
    files = HomeFiles(str(root), [str(listed)])
    assert files.facts(str(listed)) == FileFacts(3000, sha256_bytes(OLD))
    for path in (str(secret), f"{root}/../secret", f"{root}-beside/x", str(root)):
        for call in (
            lambda path: files.facts(path),
            lambda path: files.read(path, 0, 1),
            lambda path: files.names(path),
            lambda path: files.write(path, 0, b"x", None),
            lambda path: files.put(path, "", None),
            lambda path: files.remove(path, None),
            lambda path: files.append(path, 3000, b"x", None),
            lambda path: files.hold(path, "me"),
        ):
            with pytest.raises(InputError, match="does not lie in the store"):
                call(path)
    with pytest.raises(InputError, match="does not lie in the store"):
        files.write(str(listed), 0, b"x", None)
    assert secret.read_bytes() == listed.read_bytes() == OLD


def test_a_run_is_held_by_one_home_and_its_latest_worker_alone(files, root):
    folder, log = str(root / "run"), str(root / "run" / "run.log")
    assert files.hold(folder, "first")
    assert is_locked(root / "run")
    assert not HomeFiles(str(root)).hold(folder, "of another driver")
    assert files.hold(folder, "second")  # the first one's node died
    for call in (
        lambda: files.write(log, 0, b"x", "first"),
        lambda: files.put(log, "", "first"),
        lambda: files.append(log, 0, b"x", "first"),
        lambda: files.remove(log, "first"),
    ):
        with pytest.raises(SupersededError):
            call()
    files.let_go(folder, "first")
    assert is_locked(root / "run")
    assert arrive(files, log, OLD, "second")
    files.write(str(root / "run" / "rank-1.log"), 0, b"x", None)  # another process of the run
    files.let_go(folder)
    assert not is_locked(root / "run")
    with pytest.raises(SupersededError):
        files.write(log, 0, b"x", "second")  # its run may be done where the store is seen
    other = HomeFiles(str(root))
    assert other.hold(folder, "of another driver")
    other.let_go(folder)
