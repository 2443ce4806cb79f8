"""Files as the kernel's documents have them (cgroup-v2.rst; v1's memory.txt, sched-bwc.rst)."""

import pytest

from noisyseg.bench.doctor.cgroup import Limits, limits


@pytest.fixture
def tree(tmp_path):
    """Writes control groups, and the file that names the process's; returns what is found."""

    def make(own, files):
        root = tmp_path / "cgroup"
        root.mkdir(exist_ok=True)
        for name, text in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        (tmp_path / "own").write_text(own)
        return limits(root, tmp_path / "own")

    return make


def test_a_batch_job_has_the_least_of_its_group_and_of_those_around_it(tree):
    files = {
        "slurm/job_7/cpu.max": "400000 100000\n",
        "slurm/job_7/memory.max": "max\n",
        "slurm/job_7/step_0/cpu.max": "max 100000\n",
        "slurm/job_7/step_0/memory.max": "2147483648\n",
        "slurm/cpu.max": "6400000 100000\n",
        "slurm/memory.max": "1073741824\n",
    }
    found = tree("0::/slurm/job_7/step_0\n", files)
    assert found == Limits(cpus=4.0, memory=1 << 30)


def test_a_container_sees_its_group_as_the_root_whatever_the_host_calls_it(tree):
    found = tree("0::/../../kubepods/pod1\n", {"cpu.max": "50000 100000\n", "memory.max": "max\n"})
    assert found == Limits(cpus=0.5, memory=None)


def test_version_1_has_a_folder_for_each_kind(tree):
    files = {
        "cpu,cpuacct/docker/a/cpu.cfs_quota_us": "150000\n",
        "cpu,cpuacct/docker/a/cpu.cfs_period_us": "100000\n",
        "cpu,cpuacct/cpu.cfs_quota_us": "-1\n",
        "cpu,cpuacct/cpu.cfs_period_us": "100000\n",
        "memory/docker/a/memory.limit_in_bytes": "536870912\n",
        "memory/memory.limit_in_bytes": "9223372036854771712\n",
    }
    own = "5:memory:/docker/a\n4:cpu,cpuacct:/docker/a\n1:name=systemd:/docker/a\n"
    assert tree(own, files) == Limits(cpus=1.5, memory=512 << 20)


@pytest.mark.parametrize("own", ["", "0::/\n"])
def test_nothing_limits_a_process_without_such_files(tree, own):
    assert tree(own, {}) == Limits(None, None)


def test_a_system_without_control_groups_has_no_limits(tmp_path):
    assert limits(tmp_path / "none", tmp_path / "no file") == Limits(None, None)
