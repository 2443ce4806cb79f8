"""A machine without loopback: runs go on without Ray, and that is said."""

import shutil
import socket
import subprocess
import sys

import pytest

from noisyseg.bench.cli import run
from noisyseg.bench.cluster.loopback import has_loopback
from noisyseg.bench.cluster.settings import ClusterSettings

APART = ["unshare", "--map-root-user", "--net"]


def test_this_machine_has_it():
    assert has_loopback()


def test_without_the_interface_there_is_none():
    if (
        not shutil.which("unshare")
        or subprocess.run([*APART, "true"], capture_output=True).returncode
    ):
        pytest.skip("no network namespaces here")
    program = "from noisyseg.bench.cluster.loopback import has_loopback; print(has_loopback())"
    done = subprocess.run([*APART, sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("False\n", "")


@pytest.fixture
def cut_off(monkeypatch):
    def connect(self, address):
        raise OSError(101, "Network is unreachable")

    monkeypatch.setattr(socket.socket, "connect", connect)


def test_runs_of_this_machine_go_on_in_processes(cut_off, capsys):
    assert run.where_ray_can_be(ClusterSettings()).without_ray
    said = capsys.readouterr().err
    assert "loopback" in said
    assert "ip link set lo up" in said


@pytest.mark.parametrize(
    "settings", [ClusterSettings(without_ray=True), ClusterSettings(address="head:1")]
)
def test_others_are_not_looked_at(cut_off, capsys, settings):
    assert run.where_ray_can_be(settings) is settings
    assert capsys.readouterr().err == ""
