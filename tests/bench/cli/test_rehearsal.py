"""Rehearsals as a user starts them: real processes and Mask R-CNN; make long has them by Ray."""

import json
import os
import subprocess
import sys
from pathlib import Path

from noisyseg.results.records.record import check_record

ROOT = Path(__file__).parents[3]
SUITE = """
name: tiny
data: {format: shapes, size: 64, train_images: 12, val_images: 6}
model: mask-rcnn-tiny
protocol: {extends: smoke, name: tiny}
methods: {lncis: , boom: {name: sce, alpha: 3.0e+38}}
noise: {sym40: {type: symmetric, rate: 0.4}}
seeds: [0]
"""


def noisyseg(folder, *arguments):
    environment = {**os.environ, "XDG_CACHE_HOME": str(folder), "CUDA_VISIBLE_DEVICES": ""}
    return subprocess.run(
        [sys.executable, str(ROOT / "run_benchmark.py"), *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )


def test_a_rehearsal_names_what_would_fail_and_never_mixes_with_real_runs(tmp_path):
    (tmp_path / "tiny.yaml").write_text(SUITE)
    done = noisyseg(tmp_path, "run", "tiny.yaml", "--rehearse", "--without-ray")
    assert done.returncode == 1, done.stderr
    assert "works   lncis · sym40 · seed 0" in done.stdout
    assert "FAILED  boom · sym40 · seed 0: the loss became" in done.stdout
    assert "1 of 2 runs work" in done.stdout
    assert "no GPU: images shrunk" in done.stderr

    store = tmp_path / "runs" / ".rehearsals"
    records = [json.loads(path.read_bytes()) for path in store.glob("*/*/*/record.json")]
    assert sorted(record["status"] for record in records) == ["done", "failed"]
    for record in records:
        check_record(record)
        assert record["spec"]["protocol"]["rehearsal"]["shrunk"] is True
    (works,) = store.glob("*/lncis/*")
    assert [json.loads(x)["epoch"] for x in (works / "log.jsonl").read_text().splitlines()] == [
        0,
        1,
        2,
        3,
    ]
    assert not list(store.rglob("*.pth"))

    assert not list((tmp_path / "runs").glob("*/*/*/record.json"))
    listed = noisyseg(tmp_path, "run", "tiny.yaml", "--dry-run").stdout
    assert listed.count("to train") == 2
    assert not {works.name} & {line.split()[0] for line in listed.splitlines()}
    assert "0 done, 0 failed" in noisyseg(tmp_path, "status").stdout


def test_random_weights_are_for_rehearsals_alone(call, toy):
    done = call("run", toy.file, "--random-weights")
    assert done.status == 2
    assert "--random-weights is for --rehearse alone" in done.err
