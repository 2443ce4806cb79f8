import pytest

from noisyseg.bench.cluster.fault_policy import FaultPolicy


def steps(policy, *faults, progress=lambda number: None):
    return [policy.after("k", fault, progress(number)) for number, fault in enumerate(faults)]


@pytest.mark.parametrize("fault", ["worker killed", "node lost", "preempted"])
def test_a_run_whose_process_went_away_goes_on_as_often_as_is_allowed(fault):
    assert steps(FaultPolicy(2), *[fault] * 3) == ["again", "again", "leave"]
    # One that comes further each time goes on for ever.
    forever = steps(FaultPolicy(2), *[fault] * 20, progress=lambda number: number)
    assert forever == ["again"] * 20


def test_deaths_without_progress_count_in_a_row():
    policy = FaultPolicy(2)
    checkpoints = [None, None, "first", "first", "first"]
    told = [policy.after("k", "worker killed", seen) for seen in checkpoints]
    assert told == ["again", "again", "again", "again", "leave"]
    assert policy.after("other", "worker killed", None) == "again"


def test_memory_is_tried_once_more_alone_and_a_hang_once_more():
    assert steps(FaultPolicy(2), "device memory", "device memory") == ["alone", "leave"]
    assert steps(FaultPolicy(2), "host memory", "device memory") == ["alone", "leave"]
    assert steps(FaultPolicy(2), "hang", "hang") == ["again", "leave"]


@pytest.mark.parametrize(
    "fault", ["not finite", "method error", "bad data", "disk full", "interrupted", "other"]
)
def test_what_would_fail_again_is_left(fault):
    assert steps(FaultPolicy(5), fault) == ["leave"]


@pytest.mark.parametrize("fault", ["worker killed", "device memory", "hang", "preempted"])
def test_no_retries_means_none(fault):
    assert steps(FaultPolicy(0), fault) == ["leave"]
