"""The benchmark of COCO's size, small: that it still fits the code that it calls."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "coco_scale.py"


@pytest.mark.long
def test_every_way_is_measured() -> None:
    command = [sys.executable, str(SCRIPT), "--scale", "0.001"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    rows = [line for line in done.stdout.splitlines() if line.startswith("| ")]
    assert len(rows) == 9
    assert all(float(row.split("|")[2]) >= 0 for row in rows[2:])
