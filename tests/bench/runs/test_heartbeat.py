import json
import os
import socket
import time
from timeit import timeit

import pytest

from noisyseg.bench.runs import heartbeat
from noisyseg.bench.runs.heartbeat import NAME, Heartbeat, read_heartbeat, silent_seconds


@pytest.fixture
def clock(monkeypatch):
    """A clock that moves when told to: clock[0] is now."""
    now = [1000.0]
    monkeypatch.setattr(heartbeat.time, "monotonic", lambda: now[0])
    return now


def test_a_run_that_has_not_begun_shows_nothing(tmp_path):
    assert read_heartbeat(tmp_path) is None
    beat = Heartbeat(tmp_path, epochs=3)
    assert read_heartbeat(tmp_path) is None
    beat.preparing()
    state = read_heartbeat(tmp_path)
    assert (state["stage"], state["epoch"], state["epochs"]) == ("preparation", 0, 3)
    assert "device" not in state


def test_what_is_kept_beside_is_called_as_often_as_progress_is_written(tmp_path, clock):
    called = []
    beat = Heartbeat(tmp_path, epochs=3, also=lambda: called.append(read_heartbeat(tmp_path)))
    beat.start(0)
    for _ in range(10):
        beat.training(1.0, 0.5)
        clock[0] += 0.5
    # At once, at the first step, and once a second from then on.
    assert [state["stage"] for state in called] == ["training"] * 6


def test_from_its_start_a_training_says_where_it_is(tmp_path):
    before = time.time()
    Heartbeat(tmp_path, epochs=3).start(1)
    state = read_heartbeat(tmp_path)
    assert before <= state.pop("time") <= time.time()
    assert state.pop("memory_bytes") > 1e6
    assert state == {
        "stage": "training",
        "epoch": 1,
        "epochs": 3,
        "node": socket.gethostname().partition(".")[0],
        "device": "cpu",
        "pid": os.getpid(),
    }


def test_time_left_follows_the_pace_since_the_start(tmp_path, clock):
    beat = Heartbeat(tmp_path, epochs=10)
    beat.start(4)
    clock[0] += 30
    beat.training(5.5, 0.25)
    state = read_heartbeat(tmp_path)
    # 1.5 epochs took 30 s, so the 4.5 that are left take 90 s.
    assert (state["epoch"], state["epochs"], state["loss"]) == (5.5, 10, 0.25)
    assert state["seconds_left"] == pytest.approx(90)
    assert "images_per_second" not in state


def test_images_a_second_and_seconds_a_step_are_those_of_late(tmp_path, clock):
    """80 images in 20 steps an epoch: 10 s a step at first, then half a second."""
    beat = Heartbeat(tmp_path, epochs=10)
    beat.start(0, images=80)
    for step in range(1, 4):
        clock[0] += 10
        beat.training(step / 20, 1.0)
    state = read_heartbeat(tmp_path)
    assert (state["step_seconds"], state["images_per_second"]) == (10, pytest.approx(0.4))
    for step in range(4, 60):
        clock[0] += 0.5
        beat.training(step / 20, 1.0)
    state = read_heartbeat(tmp_path)
    assert (state["step_seconds"], state["images_per_second"]) == (0.5, pytest.approx(8))


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
    state = read_heartbeat(tmp_path)
    assert (state["stage"], state["epoch"], state["epochs"]) == ("evaluation", 2, 2)
    assert "loss" not in state
    beat.stop()
    beat.stop()
    assert list(tmp_path.iterdir()) == []


def test_a_loss_that_is_no_number_is_shown_as_it_is(tmp_path, clock):
    Heartbeat(tmp_path, epochs=2).training(0.1, float("nan"))
    loss = read_heartbeat(tmp_path)["loss"]
    assert loss != loss


@pytest.mark.parametrize("data", [b"", b'{"stage": "trai', b"[1]", b"{}", b"\xff\xfe"])
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


def test_a_step_is_held_up_by_microseconds(tmp_path):
    beat = Heartbeat(tmp_path, epochs=2)
    beat.start(0, images=100)
    beat.training(0.1, 0.5)
    steps = 20_000  # 0.01 s of them: one write at most
    assert timeit(lambda: beat.training(0.2, 0.5), number=steps) / steps < 50e-6


@pytest.mark.parametrize(
    ("state", "silent"),
    [
        ({"stage": "training", "time": 1000.0}, None),
        ({"stage": "training", "time": 700.0}, 300),
        ({"stage": "training", "time": 1300.0}, None),  # another machine's clock
        ({"stage": "training", "time": 700.0, "step_seconds": 200}, None),
        ({"stage": "training", "time": 100.0, "step_seconds": 200}, 900),
        ({"stage": "evaluation", "time": 0.0}, None),
        ({"stage": "training"}, None),  # an earlier noisyseg's
    ],
)
def test_a_training_that_says_nothing_for_long_is_silent(state, silent):
    assert silent_seconds(state, now=1000.0) == silent
