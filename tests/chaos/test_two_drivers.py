"""Two drivers on one store, which share the work and outlive each other."""

import re
import signal
from collections import Counter

import pytest

ONE_BY_ONE = ("--without-ray", "--cpus-per-run", "1")


def shares(driver):
    """How many runs a driver says that another one did."""
    found = re.findall(r"(\d+) of the 4 runs were done by another process meanwhile", driver.said)
    return int(found[0]) if found else 0


def count(here, *events):
    """How often each run has such an event."""
    return Counter(event["key"] for event in here.events(*events))


@pytest.mark.long
def test_two_drivers_do_every_run_once_and_say_what_the_other_did(place_in, tmp_path):
    here = place_in(tmp_path, "smoke")
    drivers = [here.start(*ONE_BY_ONE) for _ in range(2)]
    for driver in drivers:
        assert driver.ended() == 0, driver.said
    once = dict.fromkeys(here.folders(), 1)
    assert len(once) == 4
    assert count(here, "begun", "branched") == once
    assert count(here, "ended") == once
    assert {record["status"] for record in here.records().values()} == {"done"}
    assert sum(map(shares, drivers)) == 4
    for driver in drivers:
        assert "| lncis | " in driver.said
        lines = re.findall(r"^\[\d/4\] .*, by another driver$", driver.said, re.MULTILINE)
        assert len(lines) == shares(driver)


@pytest.mark.chaos
@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGKILL, -9)])
def test_a_driver_takes_over_what_another_one_has_to_leave(place, comes_true, number, status):
    here = place()
    first = here.start(*ONE_BY_ONE, SLOW_STEPS="3")
    comes_true("two runs under way", lambda: len(here.training()) == 2)
    second = here.start(*ONE_BY_ONE)
    comes_true("seen by the second", lambda: len(here.events("held elsewhere")) == 2)
    first.send(number)
    assert first.ended() == status
    assert second.ended() == 0, second.said
    assert {record["status"] for record in here.records().values()} == {"done"}
    assert shares(second) == 0
    assert count(here, "ended") == dict.fromkeys(here.folders(), 1)
