import os
import signal
import subprocess
import sys
import time

import pytest

from noisyseg.bench.doctor import leftovers
from noisyseg.bench.doctor.leftovers import own_processes, unused_folders

# Starts a process that is called raylet, says its number, and ends before it.
ABANDON = """
import subprocess
quiet = {"stdout": subprocess.DEVNULL, "executable": "/bin/sleep"}
print(subprocess.Popen(["raylet", "60"], **quiet).pid)
"""


@pytest.fixture
def ray_folder(tmp_path):
    """Makes a private Ray's folder that was last touched some seconds ago."""

    def make(name, age=3600.0):
        folder = tmp_path / name
        (folder / "session_2026-01-31_23-59-59_999999_1").mkdir(parents=True)
        os.utime(folder, (time.time() - age,) * 2)
        return folder

    return make


def test_folders_that_no_process_uses_are_found(ray_folder, tmp_path):
    old, used = ray_folder("ray-a"), ray_folder("ray-b")
    ray_folder("ray-c", age=0.0)  # of a Ray that is being started
    (tmp_path / "ray-d").mkdir()  # of something else
    os.utime(tmp_path / "ray-d", (0, 0))
    running = subprocess.Popen([sys.executable, "-c", "input()", str(used)], stdin=subprocess.PIPE)
    try:
        while not any(str(used) in one.words for one in own_processes()):
            time.sleep(0.05)
        assert unused_folders([tmp_path], own_processes()) == [old]
    finally:
        running.communicate(b"\n")


def test_a_daemon_without_a_driver_is_warned_of_and_one_with_is_not(tmp_path, monkeypatch):
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    done = subprocess.run([sys.executable, "-c", ABANDON], stdout=subprocess.PIPE, text=True)
    abandoned = int(done.stdout)
    owned = subprocess.Popen(["gcs_server", "60"], executable="/bin/sleep")
    try:
        (found,) = [one for one in leftovers.old_rays() if "daemons" in one.text]
        of_a_cluster = list(leftovers.old_rays(daemons=False))
    finally:
        os.kill(abandoned, signal.SIGKILL)
        owned.kill()
        owned.wait()
    assert [one.text for one in of_a_cluster] == ["none"]
    assert found.level == "warning"
    assert str(abandoned) in found.mend.split()
    assert str(owned.pid) not in found.mend.split()


def test_the_command_removes_what_is_named(ray_folder, tmp_path, monkeypatch):
    folder = ray_folder("ray-with a blank")
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    monkeypatch.setattr(leftovers, "own_processes", lambda: [])
    (found,) = leftovers.old_rays()
    subprocess.run(["sh", "-c", found.mend], check=True)
    assert not folder.exists()
    assert [one.text for one in leftovers.old_rays()] == ["none"]
