"""The benchmark of the leaderboard's site, small: that it still fits the code that it calls."""

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "leaderboard_site.py"


def test_each_size_is_measured() -> None:
    command = [sys.executable, str(SCRIPT), "--entries", "3,5"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    rows = [line.split("|")[1:-1] for line in done.stdout.splitlines()[2:]]
    assert [int(row[0]) for row in rows] == [3, 5]
    assert all(float(cell) > 0 for row in rows for cell in row[1:5])
