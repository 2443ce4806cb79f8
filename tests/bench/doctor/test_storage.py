import errno
import fcntl
import os
import stat
from contextlib import nullcontext

import pytest

from noisyseg.bench.doctor import storage
from noisyseg.bench.doctor.finding import examined


def levels(checks):
    return {name: [one.level for one in examined(name, check)] for name, check in checks}


def test_a_good_folder_has_no_problem_and_is_left_as_it_was(tmp_path):
    out = tmp_path / "not" / "yet" / "there"
    found = levels(storage.folder_checks("--out", out))
    assert found["--out: writing"] == found["--out: file locks"] == ["ok"]
    assert found["--out: letter case"] == []
    assert os.listdir(tmp_path) == []
    out.mkdir(parents=True)
    levels(storage.folder_checks("--out", out))
    assert os.listdir(out) == []


def test_a_full_disk_is_a_problem(mounted):
    folder = mounted("size=1m")
    (found,) = storage.free_space("--out", folder)
    assert found.level == "problem"
    (folder / "fills").write_bytes(b"x" * ((1 << 20) - 8192))
    with pytest.raises(OSError, match="space"):
        (folder / "rest").write_bytes(b"x" * 16384)
    (found,) = storage.writing("--out", folder)
    assert found.level == "problem"
    assert "No space left" in found.text


def test_a_file_system_that_is_mounted_to_be_read_is_a_problem(mounted):
    folder = mounted("size=1m,ro")
    (found,) = storage.writing("--out", folder / "runs")
    assert found.level == "problem"
    assert "Read-only" in found.text
    assert str(folder) in found.mend
    assert list(storage.locks("--out", folder)) == []  # said once


@pytest.mark.skipif(os.getuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_a_problem(tmp_path):
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    (found,) = storage.writing("--out", tmp_path)
    tmp_path.chmod(stat.S_IRWXU)
    assert found.level == "problem"
    assert "Permission denied" in found.text


def test_locks_that_the_file_system_lacks_are_a_problem(tmp_path, monkeypatch):
    def lacking(file, flags):
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    monkeypatch.setattr(fcntl, "flock", lacking)
    (found,) = storage.locks("--out", tmp_path)
    assert found.level == "problem"
    assert "refused (Function not implemented)" in found.text


def test_locks_that_another_process_does_not_see_are_a_problem(tmp_path, monkeypatch):
    monkeypatch.setattr(fcntl, "flock", lambda file, flags: None)  # held by nobody
    (found,) = storage.locks("--out", tmp_path)
    assert found.level == "problem"
    assert "was given" in found.text


def test_what_another_process_gets_is_what_the_lock_says(tmp_path):
    file = tmp_path / "lock"
    file.touch()
    assert storage.asked_for(file) == "given"
    with storage.locked(file):
        assert storage.asked_for(file) == "refused"
    assert storage.asked_for(file) == "given"


def test_a_file_system_without_letter_case_is_warned_of(tmp_path, monkeypatch):
    (tmp_path / "A").touch()  # as `a` would be there by either name
    monkeypatch.setattr(storage, "probe_folder", lambda folder: nullcontext(tmp_path))
    (found,) = storage.letter_case("--out", tmp_path)
    assert found.level == "warning"
