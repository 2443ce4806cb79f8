"""What became of wrong labels, as a number of a run: of its log, for tables and for power."""

import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest

from noisyseg.bench.config.suite import load_suite
from noisyseg.bench.reporting.suite_values import suite_values
from noisyseg.bench.runs.grid import expand
from noisyseg.bench.training.version import TRAINING
from noisyseg.results.records.store import RunStore
from noisyseg.results.statistics.fates import FATES

HELD = Path(__file__).parents[2] / "held"
# Of ten RoIs with a wrong label: memorised, recovered, background, another; two heads, two epochs.
CASCADE = [[(9, 0, 0, 1), (1, 6, 2, 1)], [(0, 8, 2, 0), (5, 3, 1, 1)]]
SHARES = {
    "memorised": 50.0,
    "recovered": 30.0,
    "background": 10.0,
    "memorised.best": 10.0,
    "recovered.best": 60.0,
    "background.best": 20.0,
}


def values_of(runs, out, metric):
    """The number of each run, by method and setting; of the first seed."""
    records = {run.key: RunStore(out).peek(run.spec)[0] for run in runs}
    found = suite_values(runs, records, metric)
    return {cell: next(iter(seeds.values()))[1] for cell, seeds in found.items()}


def test_every_metric_of_a_log_has_a_share_here():
    assert SHARES.keys() == FATES.keys()


@pytest.mark.parametrize(("metric", "share"), SHARES.items())
def test_it_is_of_the_last_head_of_a_cascade_and_not_known_of_clean_labels(logged, metric, share):
    out, runs = logged(CASCADE)
    found = values_of(list(runs.values()), out, metric)
    for method in ("ce", "lncis"):
        assert found[method, "sym40"] == pytest.approx(share)
        assert math.isnan(found[method, "clean"])


def test_the_shares_and_another_class_make_the_whole(logged):
    out, runs = logged(CASCADE)
    shares = [values_of(list(runs.values()), out, metric)["ce", "sym40"] for metric in SHARES]
    another = [10 * CASCADE[epoch][-1][-1] for epoch in (-1, 0)]
    assert [sum(shares[:3]) + another[0], sum(shares[3:]) + another[1]] == [100.0, 100.0]


@pytest.mark.parametrize("told", [True, False], ids=["checksum", "no checksum"])
@pytest.mark.parametrize("metric", ["memorised", "recovered.best"])
def test_a_torn_log_and_an_absent_one_tell_nothing(logged, metric, told):
    out, runs = logged(CASCADE, told=told)
    torn = runs["ce", "sym40"].folder / "log.jsonl"
    torn.write_bytes(torn.read_bytes()[:-30])
    (runs["lncis", "sym40"].folder / "log.jsonl").unlink()
    assert all(map(math.isnan, values_of(list(runs.values()), out, metric).values()))


def test_a_log_that_lacks_an_epoch_tells_nothing(logged, write_log):
    out, runs = logged(CASCADE, told=False)
    write_log(runs["ce", "sym40"], CASCADE[:1])
    assert math.isnan(values_of(list(runs.values()), out, "memorised")["ce", "sym40"])


def test_a_real_log_tells_its_own_counts(tmp_path, monkeypatch):
    """Two runs that the first version of training made: the shares are counted here by hand."""
    monkeypatch.setitem(TRAINING, "version", 1)
    out = tmp_path / "runs"
    shutil.copytree(HELD / "store", out)
    suite = load_suite(str(HELD / "done.yaml"), data_root=None, cache=tmp_path / "cache")
    runs = expand(suite, RunStore(out))
    (noisy,) = (run for run in runs if run.spec["noise"] is not None)
    lines = (noisy.folder / "log.jsonl").read_text().splitlines()
    groups = [json.loads(line)["loss_at_work"][-1]["noisy"] for line in lines]
    best = max(groups, key=lambda group: group["as_true"] / group["rois"])
    marks = {"memorised": "as_given", "recovered": "as_true", "background": "as_background"}
    for name, mark in marks.items():
        for metric, group in ((name, groups[-1]), (f"{name}.best", best)):
            found = values_of(runs, out, metric)
            assert found["lncis", "sym40"] == pytest.approx(100 * group[mark] / group["rois"])
            assert math.isnan(found["lncis", "clean"])


# By the command line

SPREAD = {"ce": [5, 6, 8], "lncis": [1, 3, 3]}  # memorised of ten RoIs, seeds 0 to 2


@pytest.fixture
def spread(toy, logged, write_log):
    """The store of three seeds whose runs memorised different shares, and its runs."""
    out, _ = logged(CASCADE, told=False, seeds=(0, 1, 2))
    runs = {(run.method_label, run.noise_label, run.seed): run for run in toy.expand(out)}
    for (method, _, seed), run in runs.items():
        given = SPREAD[method][seed]
        write_log(run, [[(0, 9, 0, 1)], [(given, 9 - given, 0, 1)]])
    return out, runs


def test_table_shows_it_with_its_seeds(call, toy, spread):
    out, _ = spread
    done = call("table", toy.file, "--out", out, "--metric", "memorised", "--format", "json")
    assert done.status == 0, done.err
    cells = {(cell["method"], cell["noise"]): cell for cell in json.loads(done.out)["cells"]}
    for method, given in SPREAD.items():
        cell = cells[method, "sym40"]
        assert cell["mean"] == pytest.approx(10 * np.mean(given))
        assert cell["n"] == 3
        assert cells[method, "clean"]["n"] == 0
    assert done.err.count("error") == 0


def test_power_counts_its_spread(call, toy, spread):
    out, _ = spread
    words = ("--metric", "memorised", "--draws", "0", "--json")
    done = call("power", toy.file, "--out", out, *words)
    assert done.status == 0, done.err
    settings = {entry["noise"]: entry for entry in json.loads(done.out)["settings"]}
    assert settings["sym40"]["methods"] == {"ce": 3, "lncis": 3}
    difference = 10 * np.subtract(SPREAD["ce"], SPREAD["lncis"])
    wanted = np.std(difference, ddof=1)
    assert settings["sym40"]["spread"]["difference"]["value"] == pytest.approx(wanted)
    assert settings["clean"]["methods"] == {}


@pytest.mark.parametrize("command", [("table",), ("power", "--draws", "0")], ids=lambda c: c[0])
def test_seeds_whose_logs_tell_nothing_are_named_and_left_out(call, toy, spread, command):
    out, runs = spread
    torn = runs["ce", "sym40", 2].folder / "log.jsonl"
    torn.write_bytes(torn.read_bytes()[:-30])
    (runs["lncis", "sym40", 0].folder / "log.jsonl").unlink()
    name, *words = command
    done = call(name, toy.file, "--out", out, "--metric", "memorised", *words)
    assert done.status == 0, done.err
    said = " ".join(done.err.split())
    assert "error: ce · sym40 · seed 2: " in said
    assert "not JSON, or torn" in said
    assert "error: lncis · sym40 · seed 0: cannot read the log" in said
    assert "clean" not in said
    if name == "table":
        (row,) = (line for line in done.out.splitlines() if line.startswith("| ce |"))
        assert "(n=2)" in row
    else:  # what both methods have is seed 1 alone
        assert "| methods × seeds | — | 2 × 1 |" in done.out


def test_relative_ap_finds_the_clean_runs_that_a_filter_left_out(toy, tmp_path, record_of):
    out = tmp_path / "runs"
    runs = toy.expand(out)
    for run in runs:
        # 40 with clean labels, 30 with noise; lncis was never trained with clean ones.
        if (run.method_label, run.noise_label) != ("lncis", "clean"):
            RunStore(out).save(record_of(run, 40.0 if run.noise_label == "clean" else 30.0))
    noisy = [run for run in runs if run.noise_label == "sym40"]
    found = values_of(noisy, out, "relative.AP")
    assert found["ce", "sym40"] == 75.0
    assert math.isnan(found["lncis", "sym40"])
    assert values_of(runs, out, "relative.AP")["ce", "sym40"] == 75.0
