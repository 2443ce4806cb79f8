"""The check of a GPU, small and on the CPU: that it still fits the code that it calls."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from noisyseg.methods.registry import METHODS

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "gpu_check.py"


@pytest.mark.long
def test_every_section_runs_on_a_cpu(tmp_path: Path) -> None:
    command = [sys.executable, str(SCRIPT), "--minutes", "0.1", "--out", str(tmp_path)]
    command += ["--sections", "versions", "throughput", "losses", "methods", "training"]
    cpu_alone = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=cpu_alone)
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads((tmp_path / "gpu.json").read_text())
    assert found["versions"]["gpu"] is None
    speeds = found["throughput"]["batch 2, micro_batch 2"]
    assert all(value > 0 for value in speeds.values())
    # The CPU beside itself: every loss is there, and the same.
    compared = found["losses"]
    assert {"loss_cls", "loss_mask"} <= set(compared["lncis"])
    assert {value for losses in compared.values() for value in losses.values()} == {0.0}
    assert set(found["methods"]) <= set(METHODS)
    assert set(found["methods"].values()) != {"no time left"}
    assert "--short" in found["training"]["left out"]
