"""Every run of the paper's tables in miniature, over fixtures in the official layouts."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RUNS = {
    "paper-table1-voc": 42,
    "paper-table2-coco": 21,
    "paper-table3-cityscapes": 21,
    "paper-table4-ablation": 7,
}


@pytest.mark.long
@pytest.mark.parametrize("suite", RUNS)
def test_every_run_of_the_table_works(suite: str, official: Path, tmp_path: Path) -> None:
    words = ["run", suite, "--data-root", str(official), "--out", "runs", "--allow-partial"]
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path), "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(
        [sys.executable, str(ROOT / "run_benchmark.py"), *words, "--rehearse", "--random-weights"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    records = [
        json.loads(path.read_bytes())
        for path in (tmp_path / "runs/.rehearsals").glob("*/*/*/record.json")
    ]
    assert len(records) == RUNS[suite]
    assert {record["status"] for record in records} == {"done"}
