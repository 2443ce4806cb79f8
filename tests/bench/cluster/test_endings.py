from datetime import datetime, timezone

import pytest

from noisyseg.bench.cluster.endings import is_ended

BEGAN = datetime(2025, 3, 1, 12, 0, 0, 700_000, tzinfo=timezone.utc).timestamp()


def failed(fault, finished="2025-03-01T12:00:05+00:00"):
    failure = {"type": "Error", "message": "?", "log": "run.log"}
    if fault is not None:
        failure["fault"] = fault
    return {"status": "failed", "finished": finished, "failure": failure}


def test_a_run_that_is_done_is_ended_whenever_that_was():
    assert is_ended({"status": "done", "finished": "2020-01-01T00:00:00Z"}, BEGAN)
    assert not is_ended(None, BEGAN)


@pytest.mark.parametrize("fault", ["not finite", "hang", "device memory", "method error", None])
def test_what_another_driver_could_not_do_meanwhile_is_not_tried_once_more(fault):
    assert is_ended(failed(fault), BEGAN)
    assert is_ended(failed(fault, "2025-03-01T12:00:00Z"), BEGAN)  # whole seconds
    assert not is_ended(failed(fault, "2025-03-01T11:59:59Z"), BEGAN)


@pytest.mark.parametrize(
    "fault",
    ["terminated", "interrupted", "preempted", "node lost", "worker killed", "disk full"],
)
def test_what_stopped_another_driver_or_its_worker_stops_no_run(fault):
    assert not is_ended(failed(fault), BEGAN)
