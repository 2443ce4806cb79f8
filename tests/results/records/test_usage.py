import pytest

from noisyseg.results.records.usage import added, nothing

FIRST = {
    "device": "A",
    "device_seconds": 10.0,
    "cpu_seconds": 4.0,
    "peak_device_bytes": 700,
    "peak_host_bytes": 50,
    "energy_joules": 300.0,
    "complete": True,
}
THEN = {
    "device": "A",
    "device_seconds": 2.5,
    "cpu_seconds": 1.0,
    "peak_device_bytes": 900,
    "peak_host_bytes": 40,
    "energy_joules": 60.0,
    "complete": True,
}


def test_seconds_and_energy_add_up_and_of_peaks_the_higher_counts():
    assert added(FIRST, THEN) == {
        "device": "A",
        "device_seconds": 12.5,
        "cpu_seconds": 5.0,
        "peak_device_bytes": 900,
        "peak_host_bytes": 50,
        "energy_joules": 360.0,
        "complete": True,
    }


@pytest.mark.parametrize(
    "name", ["cpu_seconds", "peak_device_bytes", "peak_host_bytes", "energy_joules"]
)
def test_with_an_unknown_part_the_whole_is_unknown(name):
    unknown = THEN | {name: None}
    whole = added(FIRST, THEN) | {name: None}
    assert added(FIRST, unknown) == added(unknown, FIRST) == whole


def test_nothing_changes_nothing():
    assert added(nothing(), FIRST) == added(FIRST, nothing()) == FIRST


def test_two_devices_are_both_named_and_what_lacks_a_part_stays_incomplete():
    both = added(FIRST, THEN | {"device": "B", "complete": False})
    assert (both["device"], both["complete"]) == ("A, then B", False)
    assert added(both, FIRST)["complete"] is False
