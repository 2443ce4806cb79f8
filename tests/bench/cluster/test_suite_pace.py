import pytest

from noisyseg.bench.cluster.suite_pace import SuitePace


def record(training=100.0, rest=0.0, **lineage):
    timings = {"training": training, "prediction": rest, "step": 0.5}
    return {"status": "done", "timings": timings, "lineage": lineage}


def state(epoch, left, epochs=10):
    return {"stage": "training", "epoch": epoch, "epochs": epochs, "seconds_left": left}


def test_nothing_is_known_before_anything_is_measured():
    pace = SuitePace()
    assert pace.left([], {"ce": 3}, 2) is None
    assert pace.left([("ce", {"stage": "evaluation", "epoch": 2, "epochs": 2})], {}, 2) is None
    assert pace.left([], {}, 2) == 0
    failed = {"status": "failed", "timings": {}, "lineage": {}}
    pace.ended("ce", failed, 10)
    assert pace.left([], {"ce": 3}, 2) is None


def test_work_is_spread_over_the_slots():
    pace = SuitePace()
    pace.ended("ce", record(90.0, rest=10.0), 10)
    assert pace.left([], {"ce": 6}, 2) == 300
    # 36 s of 90 are left, and then as long for its evaluation as the other took.
    assert pace.left([("ce", state(6, 36.0))], {"ce": 6}, 2) == pytest.approx((46 + 600) / 2)


def test_of_a_run_that_has_just_begun_all_is_left():
    pace = SuitePace()
    pace.ended("ce", record(90.0, rest=10.0), 10)
    begun = [
        ("ce", {"stage": stage, "epoch": 0.0, "epochs": 10})
        for stage in ("preparation", "training")
    ]
    assert pace.left(begun, {}, 1) == 200
    assert pace.left([("ce", {"stage": "evaluation", "epoch": 10, "epochs": 10})], {}, 1) == 10


def test_the_longest_run_bounds_it():
    pace = SuitePace()
    pace.ended("ce", record(100.0), 10)
    assert pace.left([], {"ce": 1}, 8) == 100
    assert pace.left([("ce", state(1, 900.0)), ("ce", state(9, 10.0))], {}, 8) == 900


def test_runs_under_way_tell_of_those_that_wait():
    # 30 s for 3 epochs: 100 s a run.
    assert SuitePace().left([("ce", state(3, 70.0))], {"ce": 4}, 1) == pytest.approx(470)


def test_a_run_at_its_last_step_is_no_measure():
    assert SuitePace().left([("ce", state(10, 0.0))], {"ce": 4}, 1) is None
    assert SuitePace().left([("ce", state(10, 0.0)), ("ce", state(5, 50.0))], {}, 1) == 50


def test_a_method_has_its_own_pace_and_an_unknown_one_the_mean():
    pace = SuitePace()
    pace.ended("ce", record(100.0), 10)
    pace.ended("jol", record(300.0), 10)
    assert pace.left([], {"ce": 1, "jol": 2, "elr": 1, "none": 0}, 1) == 100 + 600 + 200


@pytest.mark.parametrize(
    "lineage", [{"resumed_from_epoch": 5}, {"branched_from": {"run": "k", "epochs": 5}}]
)
def test_epochs_that_a_run_was_spared_are_not_its_pace(lineage):
    pace = SuitePace()
    pace.ended("ce", record(50.0, **lineage), 10)
    assert pace.left([], {"ce": 1}, 1) == 100


def test_a_run_that_was_spared_all_tells_nothing_of_training():
    pace = SuitePace()
    pace.ended("ce", record(0.0, resumed_from_epoch=10), 10)
    assert pace.left([], {"ce": 1}, 1) is None
