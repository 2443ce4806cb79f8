import os
import socket
import stat
import tempfile
from pathlib import Path

import pytest

from noisyseg.bench.cluster import socket_folders
from noisyseg.bench.cluster.socket_folders import ray_folder
from noisyseg.errors import InputError

# As Ray names them, with the longest process id that Linux has.
PLASMA = "session_2026-12-31_23-59-59_999999_4194304/sockets/plasma_store"
LONG = "slurm_jobdir_of_somebody_with_a_long_name"


@pytest.fixture
def tmpdir_is(monkeypatch):
    """Sets TMPDIR as a batch system does, before Python has looked at it."""
    monkeypatch.delenv("RAY_TMPDIR", raising=False)
    monkeypatch.setattr(tempfile, "tempdir", None)
    return lambda value: monkeypatch.setenv("TMPDIR", str(value))


@pytest.fixture
def short():
    """A folder with a short path, unlike pytest's."""
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="s") as folder:
        yield Path(folder)


def assert_sockets_fit(folder):
    place = folder / PLASMA
    place.parent.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(place))  # the system's own verdict


def test_a_short_tmpdir_is_kept_to(tmpdir_is, short):
    tmpdir_is(short)
    with ray_folder() as folder:
        assert folder.parent == short
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert_sockets_fit(folder)
    assert not folder.exists()


@pytest.mark.parametrize(
    "make",
    [
        lambda base: base / LONG / LONG,
        lambda base: base / "not there",
        lambda base: base / "données",
        lambda base: base / "a file",
    ],
    ids=["long", "absent", "not ASCII", "a file"],
)
def test_a_tmpdir_that_ray_cannot_use_is_left(tmpdir_is, short, make):
    place = make(short)
    if place.name == "a file":
        place.touch()
    elif place.name != "not there":
        place.mkdir(parents=True)
    tmpdir_is(place)
    with ray_folder() as folder:
        assert short not in folder.parents
        assert_sockets_fit(folder)
    assert not folder.exists()


def test_the_longest_path_that_is_taken_is_one_that_a_socket_can_have(tmpdir_is, short):
    room = socket_folders._MOST_BYTES - len(str(short)) - 1
    place = short / ("x" * room)
    place.mkdir()
    tmpdir_is(place)
    with ray_folder() as folder:
        assert folder.parent == place
        assert_sockets_fit(folder)
        assert len(str(folder / PLASMA)) == 107


def test_a_full_tmpdir_is_left(tmpdir_is, short, monkeypatch):
    tmpdir_is(short)
    real = socket_folders.shutil.disk_usage

    def usage(place):
        return real(place)._replace(free=0) if str(place) == str(short) else real(place)

    monkeypatch.setattr(socket_folders.shutil, "disk_usage", usage)
    with ray_folder() as folder:
        assert folder.parent != short


def test_ray_tmpdir_is_kept_to_or_refused(tmpdir_is, short, monkeypatch):
    tmpdir_is("/tmp")
    monkeypatch.setenv("RAY_TMPDIR", str(short))
    with ray_folder() as folder:
        assert folder.parent == short
    for value, problem in (
        (short / LONG, f"{short / LONG} is {len(str(short / LONG))} bytes long"),
        (short / "none", f"{short / 'none'} cannot be used (No such file or directory)"),
        (short / "ü", "has letters that Ray does not take"),
    ):
        monkeypatch.setenv("RAY_TMPDIR", str(value))
        with pytest.raises(InputError) as refused, ray_folder():
            pass
        assert problem in str(refused.value)
        assert "Set RAY_TMPDIR" in str(refused.value)


def test_no_place_at_all_is_one_message_with_every_place(tmpdir_is, short, monkeypatch):
    tmpdir_is(short)
    monkeypatch.setattr(socket_folders, "SHORT_FOLDERS", ("/no/such/place",))
    monkeypatch.setattr(socket_folders, "_LEAST_FREE", 2**63)
    with pytest.raises(InputError) as refused, ray_folder():
        pass
    assert f"{short} is full" in str(refused.value)
    assert "/no/such/place cannot be used" in str(refused.value)


def test_the_folder_is_removed_after_an_error(tmpdir_is, short):
    tmpdir_is(short)
    with pytest.raises(KeyError), ray_folder():
        raise KeyError
    assert os.listdir(short) == []
