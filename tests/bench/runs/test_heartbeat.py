import json

import pytest

from noisyseg.bench.runs import heartbeat
from noisyseg.bench.runs.heartbeat import NAME, Heartbeat, read_heartbeat


@pytest.fixture
def clock(monkeypatch):
    """A clock that moves when told to: clock[0] is now."""
    now = [1000.0]
    monkeypatch.setattr(heartbeat.time, "monotonic", lambda: now[0])
    return now


def test_a_run_that_has_not_begun_shows_nothing(tmp_path):
    assert read_heartbeat(tmp_path) is None
    Heartbeat(tmp_path, epochs=3).start(0)
    assert read_heartbeat(tmp_path) is None


def test_time_left_follows_the_pace_since_the_start(tmp_path, clock):
    beat = Heartbeat(tmp_path, epochs=10)
    beat.start(4)
    clock[0] += 30
    beat.training(5.5, 0.25)
    # 1.5 epochs took 30 s, so the 4.5 that are left take 90 s.
    assert read_heartbeat(tmp_path) == {
        "stage": "training",
        "epoch": 5.5,
        "epochs": 10,
        "loss": 0.25,
        "seconds_left": pytest.approx(90),
    }


def test_it_writes_about_once_a_second(tmp_path, clock):
    beat = Heartbeat(tmp_path, epochs=10)
    beat.start(0)
    seen = []
    for iteration in range(40):
        beat.training(iteration / 40, float(iteration))
        seen.append(read_heartbeat(tmp_path)["loss"])
        clock[0] += 0.125
    assert sorted(set(seen)) == [0, 8, 16, 24, 32]


def test_evaluation_is_shown_at_once_and_the_end_leaves_nothing(tmp_path, clock):
    beat = Heartbeat(tmp_path, epochs=2)
    beat.start(0)
    beat.training(1.9, 0.5)
    beat.evaluating()
    assert read_heartbeat(tmp_path) == {"stage": "evaluation", "epoch": 2, "epochs": 2}
    beat.stop()
    beat.stop()
    assert list(tmp_path.iterdir()) == []


def test_a_loss_that_is_no_number_is_shown_as_it_is(tmp_path, clock):
    Heartbeat(tmp_path, epochs=2).training(0.1, float("nan"))
    loss = read_heartbeat(tmp_path)["loss"]
    assert loss != loss


@pytest.mark.parametrize("data", [b"", b'{"stage": "trai', b"[1]", b"\xff\xfe"])
def test_a_file_that_is_none_of_ours_shows_nothing(tmp_path, data):
    (tmp_path / NAME).write_bytes(data)
    assert read_heartbeat(tmp_path) is None


def test_a_reader_sees_whole_states_alone(tmp_path, monkeypatch):
    """The file is replaced, never written in place."""
    beat = Heartbeat(tmp_path, epochs=2)
    beat.evaluating()
    before = (tmp_path / NAME).stat().st_ino
    beat.evaluating()
    assert (tmp_path / NAME).stat().st_ino != before
    assert json.loads((tmp_path / NAME).read_text())["epochs"] == 2
