import os
import signal
import subprocess
import sys
import time

import pytest

from noisyseg.bench.cluster.node_folder import node_folder
from noisyseg.errors import InputError

KILLED = """
import os, signal
from noisyseg.bench.cluster.node_folder import node_folder
with node_folder("store") as folder:
    (folder.run / "checkpoint").touch()
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def test_a_run_s_folder_goes_with_it_and_annotations_stay():
    with node_folder("store") as one, node_folder("store") as other, node_folder("x") as third:
        assert one.annotations == other.annotations != third.annotations
        assert one.run != other.run
        one.annotations.mkdir()
        (one.run / "checkpoints").mkdir()
        assert one.run.stat().st_mode & 0o077 == 0
        assert one.annotations.parents[1].stat().st_mode & 0o077 == 0
    for gone in (one.run, other.run, third.run):
        assert not gone.exists()
    assert one.annotations.is_dir()
    with pytest.raises(ZeroDivisionError), node_folder("store") as one:
        raise ZeroDivisionError
    assert not one.run.exists()


def test_what_a_killed_worker_left_is_removed_by_the_next(temporary):
    killed = subprocess.run(
        [sys.executable, "-c", KILLED], env={**os.environ, "TMPDIR": str(temporary)}, check=False
    )
    assert killed.returncode == -signal.SIGKILL
    (left,) = temporary.glob("noisyseg-*/store/runs/*")
    assert (left / "checkpoint").exists()
    with node_folder("store") as one, node_folder("store"):
        assert not left.exists()
        assert one.run.exists()


def test_annotation_files_that_nobody_came_back_to_go(temporary):
    with node_folder("used") as used, node_folder("old") as old:
        for folder in (used, old):
            folder.annotations.mkdir()
    long_ago = time.time() - 15 * 24 * 3600
    for folder in (used, old):
        os.utime(folder.annotations.parent, (long_ago, long_ago))
    with node_folder("used") as used:
        assert used.annotations.exists()
        assert not old.annotations.exists()
        os.utime(used.annotations.parent, (long_ago, long_ago))
        with node_folder("other"):
            assert used.annotations.exists()  # a worker is there


def test_a_folder_that_another_user_put_there_is_refused(temporary):
    (temporary / "real").mkdir()
    (temporary / f"noisyseg-{os.getuid()}").symlink_to(temporary / "real")
    with pytest.raises(InputError, match="another user's"), node_folder("store"):
        pass


def test_a_temporary_folder_that_cannot_be_used_is_named(temporary, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(temporary / "absent"))
    with (
        pytest.raises(InputError, match=f"in {temporary / 'absent'}.*Set TMPDIR"),
        node_folder("x"),
    ):
        pass
