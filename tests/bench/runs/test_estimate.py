from dataclasses import replace

import pytest

from noisyseg.bench.runs.estimate import (
    Pace,
    disk_bytes,
    hours,
    measured_pace,
    readable_bytes,
    spread,
    train_iterations,
)

PROTOCOL = {"name": "p", "version": 1, "epochs": 12, "batch_size": 4}


DATA = {"name": "d"}


USAGE = {"device": "A", "device_seconds": 7200.0, "energy_joules": 1.8e6, "complete": True}


def record(
    *,
    step=0.5,
    device="cuda",
    status="done",
    model="m",
    rehearsal=None,
    data=DATA,
    usage=None,
    lineage=(),
    **timings,
):
    protocol = dict(PROTOCOL) if rehearsal is None else {**PROTOCOL, "rehearsal": rehearsal}
    return {
        **({} if usage is None else {"usage": {**USAGE, **usage}}),
        "lineage": dict(lineage),
        "status": status,
        "spec": {"protocol": protocol, "model": {"name": model}, "data": data},
        "environment": {"device": device},
        "timings": {"step": step, **timings},
    }


def measured(*records, here=None, data=DATA):
    return measured_pace(
        records, model="m", protocol=PROTOCOL, data=data, eval_images=100, here=here
    )


def test_iterations_of_the_papers_voc_training():
    assert train_iterations(5717, PROTOCOL) == 1430 * 12  # 5717 / 4, the last batch smaller


def test_hours_are_training_and_evaluation():
    pace = Pace(step=0.36, per_image=0.1, source="", device="cuda")
    assert hours(10_000, 3_600, pace) == pytest.approx(1.0 + 0.1)
    assert hours(10_000, 3_600, replace(pace, per_image=None)) == pytest.approx(1.0)


def test_the_pace_is_the_median_of_finished_runs():
    found = measured(
        *(record(step=s, prediction=8.0, evaluation=2.0) for s in (0.1, 0.4, 9.0)),
    )
    assert (found.step, found.per_image, found.device) == (0.4, 0.1, "cuda")


def test_evaluation_is_timed_on_the_same_data_alone():
    other = record(step=0.2, data={"name": "e"}, prediction=500.0)
    assert (measured(other).step, measured(other).per_image) == (0.2, None)
    assert measured(other, record(prediction=3.0)).per_image == pytest.approx(0.03)


def test_other_models_protocols_and_failures_say_nothing():
    other = record()
    other["spec"]["protocol"]["version"] = 2
    assert measured(record(model="n"), record(status="failed"), other) is None
    without = record()
    del without["timings"]["step"]
    assert measured(without) is None


def test_a_gpu_goes_before_a_cpu_and_a_run_before_a_rehearsal():
    full = {"shrunk": False}
    gpu, cpu = record(step=1.0), record(step=2.0, device="cpu")
    rehearsal = record(step=3.0, rehearsal=full)
    assert measured(cpu, gpu, rehearsal).step == 1.0
    assert measured(cpu, rehearsal).step == 3.0
    assert measured(cpu, rehearsal).per_image is None
    assert measured(cpu).device == "cpu"


def test_the_device_that_is_here_goes_before_faster_ones_and_before_ones_without_a_name():
    a, b = record(step=1.0, usage={}), record(step=0.2, usage={"device": "B"})
    old = record(step=0.7)
    assert measured(a, b, old, here="B").source == "measured on B, 1 finished run"
    assert measured(a, b, b, old, here="A").source == "measured on A, 1 finished run"
    assert measured(a, b, b, old, here="C").source == "measured on B, 2 finished runs"
    assert measured(old, old, b).source == "measured on cuda, 2 finished runs"
    cpu = record(step=9.0, device="cpu", usage={"device": "Some CPU", "device_seconds": 0.0})
    assert measured(a, cpu, here="Some CPU").device == "cpu"
    assert measured(a, cpu, here="Other CPU").source == "measured on A, 1 finished run"


def test_runs_on_the_same_data_go_before_others_and_others_are_said_to_be_so():
    same, other = record(step=0.4), record(step=0.1, data={"name": "e"})
    assert measured(other, other, same).source == "measured on cuda, 1 finished run"
    assert measured(other, other).source == "measured on cuda, 2 finished runs on other data"
    assert measured(other, other, data=None).source == "measured on cuda, 2 finished runs"
    tried = record(rehearsal={"shrunk": False})
    assert measured(tried).source == "measured on cuda, 1 rehearsal, so roughly"


def test_hours_lie_between_the_fastest_and_the_slowest_run():
    pace = measured(*(record(step=s, prediction=100 * s, usage={}) for s in (0.2, 0.4, 1.0)))
    assert pace.steps == (3, 0.2, 0.4, 1.0)
    assert pace.images == pytest.approx((3, 0.2, 0.4, 1.0))
    assert spread(50, 100, pace) == pytest.approx((0.5, 2.5))
    # Of 25 + 0 s the middle; evaluation was not timed.
    steps_alone = replace(pace, per_image=None, images=None)
    assert spread(50, 100, steps_alone) == pytest.approx((0.5, 2.5))
    uneven = replace(pace, images=None, per_image=0.2)  # 20 + 20 s
    assert spread(50, 100, uneven) == pytest.approx((10 / 40, 50 / 40))


def test_one_run_alone_or_a_given_pace_tells_no_bounds():
    assert spread(50, 100, measured(record())) is None
    assert spread(50, 100, Pace(step=1.0, per_image=None, source="given", device="given")) is None


def test_what_a_run_held_and_used_is_learnt_from_whole_ones_on_the_same_data():
    whole = [
        record(usage={"device_seconds": 3600.0 * h, "energy_joules": 3.6e6 * h}) for h in (1, 2, 6)
    ]
    found = measured(*whole)
    assert found.device_hours == (3, 1.0, 2.0, 6.0)
    assert found.kilowatt_hours == (3, 1.0, 2.0, 6.0)
    others = [
        record(usage={"complete": False}),
        record(usage={}, lineage={"branched_from": {"epochs": 3}}),
    ]
    assert measured(*whole, *others).device_hours == (3, 1.0, 2.0, 6.0)
    assert measured(*others).device_hours is None
    assert measured(record(usage={"energy_joules": None})).device_hours == (1, 2.0, 2.0, 2.0)
    assert measured(record(usage={"energy_joules": None})).kilowatt_hours is None
    assert measured(record(usage={}, data={"name": "e"})).device_hours is None
    assert measured(record(usage={}, rehearsal={"shrunk": False})).device_hours is None
    on_cpu = record(device="cpu", usage={"device_seconds": 0.0, "energy_joules": None})
    assert measured(on_cpu).device_hours is None


def test_a_shrunk_rehearsal_is_no_measure():
    assert measured(record(rehearsal={"shrunk": True})) is None


def test_disk_is_what_each_run_leaves_and_the_shared_files():
    parts = disk_bytes(runs=3, checkpoint=10**6, eval_images=2, noisy_files=4, annotations=100)
    assert parts["checkpoints"] == 3 * 10**6
    assert parts["annotation files"] == 5 * 100


@pytest.mark.parametrize(
    ("count", "text"), [(999, "999 B"), (1500, "1.5 kB"), (42e9, "42.0 GB"), (3e12, "3.0 TB")]
)
def test_bytes_are_readable(count, text):
    assert readable_bytes(count) == text
