"""Drivers and workers stopped in every way; the same command goes on to the same bits."""

import os
import re
import signal
from pathlib import Path

import pytest

pytestmark = pytest.mark.chaos

ONE_BY_ONE = ("--cpus-per-run", "1")
BACKENDS = {"processes": ("--without-ray",), "ray": ()}
SLOW_STEPS = "0.6"  # 24 steps of a run


@pytest.fixture(params=BACKENDS)
def way(request):
    """The options of a backend."""
    return (*BACKENDS[request.param], *ONE_BY_ONE)


def begin(place, comes_true, way):
    """A driver with both runs under way, in the midst of an epoch."""
    driver = place.start(*way, SLOW_STEPS=SLOW_STEPS)
    comes_true("two runs under way", lambda: len(place.training()) == 2)
    return driver


def faults(place):
    """Of the runs' records."""
    records = place.records()
    return [(record["failure"] or {}).get("fault") for record in records.values()]


@pytest.fixture(scope="module")
def finish(place_in, of_records, tmp_path_factory):
    """The same command to its end; what comes of it is what comes of undisturbed runs."""
    other = place_in(tmp_path_factory.mktemp("undisturbed"))
    assert other.start("--without-ray", *ONE_BY_ONE).ended() == 0
    expected = of_records(other.records())
    assert [fault for fault, *_ in expected.values()] == [None, None]

    def make(place, way):
        last = place.start(*way)
        assert last.ended() == 0, last.said
        ended = place.records()
        assert of_records(ended) == expected
        return ended

    return make


def said_besides(driver):
    """The lines on the terminal that tell of no progress."""
    progress = re.compile(r"slow: |training |\[|\d+ waiting|  |$")
    return [line for line in driver.said.splitlines() if not progress.match(line)]


@pytest.mark.parametrize("stop", ["terminated", "interrupted", "hung up"])
def test_a_driver_asked_to_stop_leaves_checkpoints_inside_the_epoch(
    place, comes_true, finish, way, stop
):
    here = place()
    driver = begin(here, comes_true, way)
    if stop == "terminated":
        driver.send(signal.SIGTERM)
    elif stop == "interrupted":
        driver.type_ctrl_c()
    else:  # a connection that broke, with its terminal
        driver.type(signal.SIGHUP)
    fault = "interrupted" if stop == "interrupted" else "terminated"
    assert driver.ended(30) == {"terminated": 143, "interrupted": 130}[fault], driver.said
    assert faults(here) == [fault, fault]
    assert all(here.checkpoint_note(key)["iteration"] for key in here.folders())
    assert said_besides(driver) == [
        f"{fault}: what is under way has 60 s to leave a checkpoint (Ctrl-C once more: it is ended "
        "at once)",
        f"{fault}: finished runs are kept; the same command goes on",
    ]
    assert "FAILED" not in driver.said
    comes_true("no worker left", lambda: not here.users(), 20)
    for record in finish(here, way).values():
        assert record["lineage"]["resumed_from_iteration"]


def test_a_run_that_had_not_begun_leaves_no_record_when_its_driver_stops(place, comes_true, way):
    here = place()
    driver = here.start(*way, SLOW_STEPS=SLOW_STEPS)
    comes_true("a run handed out", lambda: here.events("begun"))
    driver.type_ctrl_c()
    assert driver.ended(30) == 130, driver.said
    assert set(faults(here)) <= {"interrupted"}
    assert "FAILED" not in driver.said


def test_a_worker_asked_to_stop_leaves_its_run_to_another(place, comes_true, finish, way):
    here = place()
    driver = begin(here, comes_true, way)
    key, state = next(iter(here.training().items()))
    os.kill(state["pid"], signal.SIGTERM)
    (told,) = comes_true("told", lambda: here.events("retried"))
    assert (told["key"], told["fault"]) == (key, "preempted")
    assert driver.ended() == 0, driver.said
    record = here.records()[key]
    assert (
        record["lineage"].get("resumed_from_iteration") or record["lineage"]["resumed_from_epoch"]
    )
    finish(here, way)


def is_alive(process):
    """One that has ended has no command line, though its entry waits for somebody to ask."""
    try:
        return bool(Path(f"/proc/{process}/cmdline").read_bytes())
    except OSError:
        return False


def test_a_killed_driver_leaves_no_worker(place, comes_true, finish, way):
    here = place()
    driver = begin(here, comes_true, way)
    workers = {state["pid"] for state in here.training().values()}
    assert len(workers) == 2
    driver.send(signal.SIGKILL)
    driver.ended(10)
    comes_true("no worker left", lambda: not here.users(), 20)
    assert [worker for worker in workers if is_alive(worker)] == []
    finish(here, way)
