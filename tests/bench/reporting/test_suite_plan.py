import pytest

from noisyseg.bench.config.suite import load_suite
from noisyseg.bench.config.suite_part import choose
from noisyseg.bench.reporting import suite_plan
from noisyseg.bench.runs.estimate import Pace
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
        "disk_bytes": {**disk, "total": sum(disk.values())},
    }


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
    assert document["total"] == {"runs": 4, "done": 0, "hours": None, "disk_bytes": None}
