"""A store as a data frame, and tables of it: nothing is averaged that is not of one thing."""

import copy
import math
import shutil
from statistics import fmean

import pytest

from noisyseg.errors import InputError
from noisyseg.results.frame import load, tabulated
from noisyseg.results.records.metrics import METRICS
from noisyseg.results.records.record import seal
from noisyseg.results.records.store import RunStore
from noisyseg.results.tables.formats import render

SPEC = {
    "schema": 1,
    "data": {"name": "toy", "classes": ["a", "b"]},
    "protocol": {"name": "short", "epochs": 2},
    "model": {"name": "tiny"},
    "method": {"name": "ce", "version": 1, "parameters": {}},
    "noise": None,
    "training": {"version": 1},
    "train_seed": 0,
    "eval": {"version": 1},
}


def step(rate, **more):
    return {"type": "symmetric", "rate": rate, **more}


def fields(average, *, method=None, noise=None, seed=0, failure=None, **changes):
    spec = copy.deepcopy(SPEC) | changes
    spec["method"] = {**SPEC["method"], **(method or {})}
    spec["noise"] = None if noise is None else {"seed": seed, "steps": [noise]}
    spec["train_seed"] = seed
    reason = {"type": "MethodError", "message": failure, "log": None}
    return {
        "status": "done" if failure is None else "failed",
        "spec": spec,
        "metrics": None if failure else {"tool": "hotcoco 1.3.0", "segm": {"AP": average}},
        "failure": reason if failure else None,
        "checksums": dict.fromkeys(("manifest", "predictions", "log", "noisy_annotations")),
        "lineage": {},
        "environment": {},
        "timings": {},
        "started": "2026-01-02T03:04:05Z",
        "finished": "2026-01-02T03:04:06Z",
    }


@pytest.fixture
def store(tmp_path):
    """Saves records of the given fields; returns the store's folder."""

    def make(*entries):
        for entry in entries:
            RunStore(tmp_path / "runs").save(seal(entry))
        return tmp_path / "runs"

    return make


def test_a_row_per_run_with_what_it_was_of(store):
    root = store(
        fields(31.5),
        fields(20.25, noise=step(0.4), seed=3, method={"name": "gce", "parameters": {"q": 0.5}}),
        fields(None, noise=step(0.4), seed=4, failure="no memory"),
    )
    frame = load(root)
    assert len(frame) == 3
    assert frame.attrs["problems"] == []
    clean, failed, noisy = (frame.loc[place] for place in (1, 0, 2))
    if clean["status"] == "failed":
        clean, failed = failed, clean
    assert (clean["method"], clean["noise"], clean["train_seed"]) == ("ce", "clean", 0)
    assert clean["segm.AP"] == 31.5
    assert math.isnan(clean["agnostic.AP"])
    assert (failed["status"], failed["failure"]) == ("failed", "no memory")
    assert math.isnan(failed["segm.AP"])
    assert (noisy["method"], noisy["noise"], noisy["noise_seed"]) == ("gce", "symmetric-0.4", 3)
    assert noisy["parameters"] == '{"q": 0.5}'
    assert set(METRICS) <= set(frame.columns)
    assert frame["setting"].nunique() == 1
    for row in frame.itertuples():
        assert (root / row.folder.split("runs/")[1] / "record.json").is_file()
    assert load(str(root)).equals(frame)


def test_a_folder_without_records(tmp_path):
    with pytest.raises(InputError, match=r"none: no such folder. Wanted a store of runs"):
        load(tmp_path / "none")
    with pytest.raises(InputError, match="holds no record of a run"):
        load(tmp_path)


def test_files_that_hold_no_valid_record_are_listed(store):
    root = store(fields(1.0), fields(2.0, seed=1))
    first, second = sorted(root.glob("*/*/*/record.json"))
    second.write_bytes(second.read_bytes()[:-40])
    frame = load(root)
    assert len(frame) == 1
    (problem,) = frame.attrs["problems"]
    assert str(second) in problem
    first.write_text("{}")
    with pytest.raises(InputError, match=r"holds no record of a run. 2 files hold no valid one"):
        load(root)


def test_a_table_is_the_mean_over_seeds(store):
    values = {0: 30.0, 1: 31.0, 2: 33.5}
    root = store(
        *(fields(value, seed=seed) for seed, value in values.items()),
        fields(20.0, noise=step(0.4)),
        fields(None, noise=step(0.4), seed=1, failure="no memory"),
        fields(10.0, method={"name": "gce"}),
    )
    text = render(tabulated(load(root), title="T"), "md")
    assert f"| ce | {fmean(values.values()):.1f} ± 1.8 (n=3) | 20.0 (n=1, 1 failed) |" in text
    assert "| gce | 10.0 (n=1) | — |" in text


def test_names_that_stand_for_several_show_what_tells_them_apart(store):
    root = store(
        fields(1.0, method={"parameters": {"q": 0.5}}, noise=step(0.4)),
        fields(2.0, method={"parameters": {"q": 0.7}}, noise=step(0.4)),
        fields(3.0, method={"name": "gce"}, noise=step(0.4, convention="lncis-code")),
    )
    table = tabulated(load(root), title="T")
    assert set(table.methods) == {'ce {"q": 0.5}', 'ce {"q": 0.7}', "gce"}
    assert len(table.noises) == 2
    assert sum("lncis-code" in noise for noise in table.noises) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"data": {"name": "toy", "classes": ["b", "a"]}},
        {"data": {"name": "toy-partial", "classes": ["a", "b"]}},
        {"protocol": {"name": "short", "epochs": 3}},
        {"model": {"name": "tiny", "version": 2}},
        {"eval": {"version": 2}},
        {"training": {"version": 2}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_runs_of_another_setting_are_named_and_not_averaged(store, change):
    root = store(fields(30.0), fields(31.0, seed=1), fields(10.0, seed=2, **change))
    frame = load(root)
    with pytest.raises(
        InputError, match=r"runs of 2 settings, whose numbers are of different"
    ) as e:
        tabulated(frame, title="T")
    for name, count in frame["setting"].value_counts().items():
        assert f"{name}: {count} runs of toy" in str(e.value)
        part = frame[frame.setting == name]
        assert "(n=" in render(tabulated(part, title="T"), "md")


def test_versions_of_a_method_are_named_and_not_averaged(store):
    root = store(fields(30.0), fields(10.0, seed=1, method={"version": 2}))
    frame = load(root)
    with pytest.raises(InputError, match=r"runs of 2 versions of method 'ce': (1, 2|2, 1)"):
        tabulated(frame, title="T")
    assert "10.0 (n=1)" in render(tabulated(frame[frame.version == "2"], title="T"), "md")


def test_a_copied_folder_counts_once_unless_it_disagrees(store):
    root = store(fields(30.0), fields(31.0, seed=1))
    original = next(root.glob("*/ce/*"))
    shutil.copytree(original.parent, root / "copy" / "ce")
    frame = load(root)
    assert len(frame) == 2  # a record in a folder that is not its own is no valid one
    assert len(frame.attrs["problems"]) == 2
    import pandas as pd

    twice = pd.concat([frame, frame.iloc[:1]], ignore_index=True)
    assert "30.5 ± 0.7 (n=2)" in render(tabulated(twice, title="T"), "md")
    twice.loc[2, "segm.AP"] += 1
    with pytest.raises(InputError, match="is there twice with other numbers: "):
        tabulated(twice, title="T")


def test_nothing_and_no_such_metric(store):
    frame = load(store(fields(30.0)))
    with pytest.raises(InputError, match="no run to tabulate"):
        tabulated(frame[frame.method == "x"], title="T")
    with pytest.raises(InputError, match=r"unknown metric 'AP'"):
        tabulated(frame, title="T", metric="AP")


def test_relative_ap_is_of_the_clean_run_of_the_same_method_and_train_seed(store):
    gce = {"name": "gce", "parameters": {"q": 0.5}}
    frame = load(
        store(
            *(fields(value, seed=seed) for seed, value in enumerate((40.0, 50.0))),
            *(fields(30.0, noise=step(0.4), seed=seed) for seed in (0, 1, 2)),
            fields(25.0, method=gce, seed=0),
            fields(30.0, noise=step(0.4), method=gce, seed=0),
            fields(20.0, noise=step(0.4), method={**gce, "parameters": {"q": 0.7}}, seed=0),
        )
    )
    noisy = frame[frame.noise != "clean"]
    table = tabulated(noisy, title="T", metric="relative.AP")  # the clean rows are not in it
    cells = {row["method"]: row for row in table.cells.to_dict(orient="records")}
    # 30 of 40 and 30 of 50; the third seed has no clean run, nor has gce with another q.
    assert (cells["ce"]["n"], cells["ce"]["mean"]) == (2, pytest.approx((75 + 60) / 2))
    assert cells['gce {"q": 0.5}']["mean"] == 120
    assert cells['gce {"q": 0.7}']["n"] == 0
    assert table.value_name == "Mask AP, of that with clean labels (%)"
    assert set(frame[frame.noise == "clean"]["relative.AP"]) == {100.0}


def test_a_metric_that_no_record_has_is_unknown(store):
    table = tabulated(load(store(fields(30.0))), title="T", metric="agnostic.AP")
    assert "| ce | — |" in render(table, "md")
