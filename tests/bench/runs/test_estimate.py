from dataclasses import replace

import pytest

from noisyseg.bench.runs.estimate import (
    Pace,
    disk_bytes,
    hours,
    measured_pace,
    readable_bytes,
    train_iterations,
)

PROTOCOL = {"name": "p", "version": 1, "epochs": 12, "batch_size": 4}


DATA = {"name": "d"}


def record(
    *, step=0.5, device="cuda", status="done", model="m", rehearsal=None, data=DATA, **timings
):
    protocol = dict(PROTOCOL) if rehearsal is None else {**PROTOCOL, "rehearsal": rehearsal}
    return {
        "status": status,
        "spec": {"protocol": protocol, "model": {"name": model}, "data": data},
        "environment": {"device": device},
        "timings": {"step": step, **timings},
    }


def measured(*records):
    return measured_pace(records, model="m", protocol=PROTOCOL, data=DATA, eval_images=100)


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
