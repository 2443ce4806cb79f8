from dataclasses import replace

import pytest

from noisyseg.bench.config.suite import load_suite
from noisyseg.bench.config.suite_part import choose
from noisyseg.bench.reporting import suite_plan
from noisyseg.bench.reporting.plan import Sharing
from noisyseg.bench.reporting.plan_cost import cost_lines
from noisyseg.bench.reporting.plan_sharing import with_sharing
from noisyseg.bench.runs.estimate import Measured, Pace
from noisyseg.bench.runs.grid import foresee
from noisyseg.bench.runs.inputs import check
from noisyseg.results.records.store import RunStore

HALF_AN_HOUR = Pace(step=1800.0, per_image=None, source="given", device="given")


@pytest.fixture
def suite(toy):
    return load_suite(str(toy.file), data_root=None, cache=toy.root / "cache")


@pytest.fixture
def store(tmp_path):
    return RunStore(tmp_path / "runs")


def test_what_is_done_costs_nothing(suite, store, record_of, monkeypatch):
    monkeypatch.setattr(suite_plan, "noted_or_counted", lambda *_: 1000)
    data, settings = check(suite)
    runs = foresee(suite, store, data, settings)
    store.save(record_of(runs[0]))
    store.save(record_of(runs[1], failure="boom"))
    plan = suite_plan.suite_plan(suite, runs, store, data=data, pace=HALF_AN_HOUR, note=None)
    assert [run.key for run in plan.runs] == [run.key for run in runs]
    assert [run.state for run in plan.runs] == ["done", "failed", "to train", "to train"]
    # Two epochs of three images by four; three of four runs are left, noise made one file.
    assert {(run.iterations, run.hours) for run in plan.runs} == {(2, 1.0)}
    total = plan.document()["total"]
    disk = {
        "checkpoints": 3000,
        "predictions": 3 * 3 * 10_000,
        "annotation files": 2 * data.parts["train"].size,
    }
    assert total == {
        **{"runs": 4, "done": 1, "hours": 3.0},
        **dict.fromkeys(("hours_between", "device_hours", "kilowatt_hours")),
        "disk_bytes": {**disk, "total": sum(disk.values())},
    }


def test_those_left_take_what_finished_ones_took(suite, store, record_of, monkeypatch):
    monkeypatch.setattr(suite_plan, "noted_or_counted", lambda *_: 1000)
    data, settings = check(suite)
    runs = foresee(suite, store, data, settings)
    store.save(record_of(runs[0]))
    pace = replace(
        HALF_AN_HOUR,
        steps=Measured(12, 1350.0, 1800.0, 3600.0),
        device_hours=Measured(12, 0.9, 1.25, 2.0),
        kilowatt_hours=Measured(9, 0.2, 0.31, 0.4),
    )
    plan = suite_plan.suite_plan(suite, runs, store, data=data, pace=pace, note=None)
    document = plan.document()
    total = {name: document["total"][name] for name in ("hours_between", "device_hours")}
    assert total == {"hours_between": (2.25, 6.0), "device_hours": 3 * 1.25}
    assert document["total"]["kilowatt_hours"] == pytest.approx(3 * 0.31)
    assert document["measured"]["kilowatt_hours"] == {
        **{"runs": 9, "least": 0.2, "middle": 0.31, "most": 0.4}
    }
    assert document["measured"]["images"] is None
    # Of three runs' six epochs one is trained once for two of them.
    shared = replace(plan, sharing=Sharing(epochs=6, saved=1))
    assert shared.total("device_hours") == pytest.approx(2.5 * 1.25)
    hours, cost, _ = cost_lines(plan)
    assert hours.startswith("GPU hours left: 3.0, from 2.2 to 6.0 (1800.000 s an iteration, given")
    assert cost == (
        "cost left: 3.75 GPU hours held (1.25 each, 0.90 to 2.00 in 12 finished runs), "
        "0.93 kWh (0.31 each, 0.20 to 0.40 in 9 finished runs)"
    )


def test_of_one_finished_run_there_are_no_bounds_and_small_amounts_are_no_zeros(
    suite, store, monkeypatch
):
    monkeypatch.setattr(suite_plan, "noted_or_counted", lambda *_: 1000)
    data, settings = check(suite)
    pace = replace(HALF_AN_HOUR, kilowatt_hours=Measured(1, 0.0012, 0.0012, 0.0012))
    plan = suite_plan.suite_plan(
        suite, foresee(suite, store, data, settings), store, data=data, pace=pace, note=None
    )
    _, cost, _ = cost_lines(plan)
    assert cost == "cost left: 0.0048 kWh (0.0012 each, as in 1 finished run)"


def test_without_data_the_grid_alone_is_known(suite, store):
    chosen = choose(suite, methods=["ce"], noise_seeds=[1, 2], train_seeds=[2])
    plan = suite_plan.suite_plan(
        chosen, [], store, data=None, pace=HALF_AN_HOUR, note="no data are there"
    )
    shown = [(run.key, run.state, run.noise, run.noise_steps, run.seed) for run in plan.runs]
    assert shown == [
        (None, "unknown", "clean", "clean", "1/2"),
        (None, "unknown", "sym40", "symmetric-0.4", "1/2"),
        (None, "unknown", "clean", "clean", 2),
        (None, "unknown", "sym40", "symmetric-0.4", 2),
    ]
    document = plan.document()
    assert document["note"] == "no data are there"
    unknown = ("hours", "hours_between", "device_hours", "kilowatt_hours", "disk_bytes")
    assert document["total"] == {"runs": 4, "done": 0, **dict.fromkeys(unknown)}
    assert document["measured"] == dict.fromkeys(
        ("steps", "images", "device_hours", "kilowatt_hours")
    )


def test_what_runs_share_costs_once(suite, store, record_of, monkeypatch):
    monkeypatch.setattr(suite_plan, "noted_or_counted", lambda *_: 1000)
    data, settings = check(suite)
    runs = foresee(suite, store, data, settings)
    store.save(record_of(runs[0]))  # ce on clean labels: lncis there trains all of its two epochs
    pace = replace(HALF_AN_HOUR, device_hours=Measured(1, 1.0, 1.0, 1.0))
    plan = suite_plan.suite_plan(suite, runs, store, data=data, pace=pace, note=None)
    shared = with_sharing(plan, runs, store)
    assert [run.hours for run in shared.runs] == [1.0, 1.0, 1.0, 0.5]
    document = shared.document()
    assert document["sharing"] == {"epochs": 6, "saved": 1}
    assert (document["total"]["hours"], document["total"]["device_hours"]) == (2.5, 2.5)
    assert (plan.document()["sharing"], plan.hours) == (None, 3.0)
