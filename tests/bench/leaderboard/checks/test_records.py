"""What a run's record can say of its time and its machine."""

from datetime import datetime, timedelta, timezone

import pytest

from noisyseg.bench.leaderboard.checks.records import read_record
from noisyseg.results.records.record import seal
from noisyseg.results.records.store import RunStore


@pytest.fixture
def problem(toy, record_of, tmp_path):
    """Reads a sound record with some fields changed; gives what is wrong with it."""
    run = toy.expand(tmp_path / "runs")[0]
    sound = record_of(run, 20.0)

    def make(**changes):
        kept = {k: v for k, v in sound.items() if k not in ("format", "key", "checksum")}
        RunStore(tmp_path / "runs").save(seal({**kept, **changes}))
        return read_record(run.folder, run.key)[1][0].detail

    return make


def written(**after):
    return (datetime.now(timezone.utc) + timedelta(**after)).isoformat(timespec="seconds")


def test_a_record_as_runs_write_it_is_sound(problem):
    assert problem() == ""
    assert problem(finished=written(hours=1)) == ""
    assert problem(started="2025-01-02T03:04:05+00:00", finished="2025-01-02T03:04:05.25Z") == ""


def test_what_a_run_took_may_be_told_but_not_in_another_form(problem):
    took = {
        "device": "NVIDIA H100 80GB HBM3",
        "device_seconds": 81.5,
        "cpu_seconds": 90.25,
        **{"peak_device_bytes": 10**10, "peak_host_bytes": 2 * 10**9},
        **{"energy_joules": None, "complete": False},
    }
    assert problem(usage=took) == ""
    assert "usage.device: wanted" in problem(usage=took | {"device": "a\nb"})


@pytest.mark.parametrize("days", [2, 365, 2_000_000])
def test_no_run_has_finished_in_the_future(problem, days):
    finished = written(days=days)
    assert "lies in the future" in problem(finished=finished)


@pytest.mark.parametrize("name", ["timings", "environment", "lineage"])
def test_a_record_of_thousands_of_entries_is_none(problem, name):
    assert f"{name}: 5000 entries" in problem(**{name: {f"k{n}": 1.0 for n in range(5000)}})


def test_a_record_of_megabytes_is_not_read(problem):
    assert "at most 1048576 bytes" in problem(environment={"x": ["y" * 1000] * 2000})
