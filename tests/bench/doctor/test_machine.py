import os

import pytest

from noisyseg.bench.doctor import machine
from noisyseg.bench.doctor.cgroup import Limits


@pytest.fixture
def limited(monkeypatch):
    """Sets what control groups allow."""

    def to(**limits):
        given = Limits(**{"cpus": None, "memory": None, **limits})
        monkeypatch.setattr(machine, "limits", lambda: given)

    to()
    return to


def test_the_cpus_of_the_affinity_count(limited):
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        (found,) = machine.processors()
    finally:
        os.sched_setaffinity(0, before)
    assert found.level == "ok"
    assert found.text == f"1 of {os.cpu_count()} usable"


def test_a_quota_below_the_affinity_is_warned_of(limited, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    limited(cpus=2.5)
    (found,) = machine.processors()
    assert found.level == "warning"
    assert "the time of 2.5" in found.text
    assert "taskset --cpu-list 0-1 " in found.mend
    limited(cpus=8.0)
    assert [one.level for one in machine.processors()] == ["ok"]


def test_a_limit_of_memory_is_told_and_a_small_one_warned_of(limited):
    limited(memory=10**9)
    (found,) = machine.memory()
    assert found.level == "warning"
    assert "limited to 1.0 GB" in found.text
    limited(memory=1 << 60)
    (found,) = machine.memory()
    assert "limited" not in found.text


def test_little_shared_memory_is_warned_of(mounted, tmp_path):
    (found,) = machine.shared_memory(mounted("size=1m"))
    assert found.level == "warning"
    assert "--shm-size" in found.mend
    assert list(machine.shared_memory(tmp_path / "not there")) == []
