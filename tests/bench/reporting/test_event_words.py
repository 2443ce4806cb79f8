import time

import pytest

from noisyseg.bench.reporting.event_words import event_line


@pytest.fixture(autouse=True)
def zone(monkeypatch):
    monkeypatch.setenv("TZ", "Europe/Madrid")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("event", "words"),
    [
        ({"event": "begun", "key": "ab12", "label": "ce · seed 0", "node": "a"},
         "ce · seed 0: begun on a"),
        ({"event": "ended", "key": "ab12"}, "ab12: done"),
        ({"event": "failed", "label": "x", "fault": "not finite", "message": "loss is\nnan"},
         "x: FAILED (not finite): loss is nan"),
        ({"event": "retried", "label": "x", "fault": "node lost", "attempt": 2},
         "x: is tried again (node lost) [attempt 2]"),
        ({"event": "node lost", "node": "gpu-3"}, "node lost gpu-3"),
        ({"event": "held elsewhere", "label": "x"}, "x: is held by another driver"),
        ({"event": "started", "message": "84 runs"}, "started: 84 runs"),
        ({"event": "of tomorrow", "key": "k", "colour": [1]}, "k: of tomorrow [colour [1]]"),
        ({}, "unknown event"),
        ({"event": ["odd"], "node": {"a": 1}, "label": "\x1b[2J"}, "�[2J: ['odd'] on {'a': 1}"),
    ],
)  # fmt: skip
def test_an_event_in_words(event, words):
    told = {"time": "2026-01-05T23:30:00.123+00:00", "driver": "head-17", **event}
    assert event_line(told) == f"2026-01-06 00:30:00  head-17  {words}"


@pytest.mark.parametrize(
    ("told", "shown"),
    [("2026-07-05T10:00:00Z", "2026-07-05 12:00:00"), ("soon", "soon"), (None, "None")],
)
def test_times_are_those_of_the_clock_on_the_wall(told, shown):
    assert event_line({"time": told, "event": "finished"}) == f"{shown}  ?  finished"
