"""The comparison with an earlier commit: that it calls that commit, and counts all processes."""

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"

# Starts a process that works on after its parent has ended, as Ray's do.
LEAVES_ONE_BEHIND = """
import subprocess, sys
busy = "import time\\nwhile time.process_time() < 0.8: pass"
subprocess.Popen([sys.executable, "-c", busy], start_new_session=True)
"""


@pytest.fixture
def part(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    return import_module


def test_cpu_seconds_of_what_is_left_behind_count():
    # In a process of its own: orphans come to it from then on.
    program = (
        f"import subprocess, sys; sys.path.insert(0, {str(FOLDER)!r})\n"
        "from process_tree import TreeSeconds\n"
        f"with TreeSeconds() as cpu:\n"
        f"    subprocess.run([sys.executable, '-c', {LEAVES_ONE_BEHIND!r}])\n"
        "print(cpu.total)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert 0.4 < float(done.stdout) < 2.0


def test_the_earlier_commit_is_cloned_and_only_what_lacks_is_installed(part, tmp_path):
    quick = part("quick")
    found = quick.earlier("HEAD", tmp_path)
    assert found.commit == quick._head(quick.ROOT)
    assert (found.folder / "run_benchmark.py").is_file()
    assert found.packages is None
    required = list(quick._required(found.folder))
    assert any(line.startswith("torch>=") for line in required)
    assert any(line.startswith("numpy>=") for line in required)
    assert not any(line.startswith("pytest") for line in required)
    assert not quick._installed("no-such-distribution>=1")


def test_pairs_of_aps_and_their_interval(part):
    quick = part("quick")
    before = quick.Call(wall=2.0, cpu=2.0, aps={"a": 1.0, "b": 2.0, "c": 0.0})
    now = quick.Call(wall=1.0, cpu=1.0, aps={"a": 2.0, "b": 4.0, "d": 0.0})
    rows = list(quick.ap_rows(now, before))
    assert [row.split()[-1] for row in rows[:2]] == ["+1.00", "+2.00"]
    assert [row.split()[0] for row in rows[2:4]] == ["c", "d"]
    # Two differences, 1 and 2: 1.5 and, by Student's t with one degree of freedom, 12.706 × 0.5.
    assert rows[4] == "mean difference +1.50, 95 % interval -4.85 to +7.85"
