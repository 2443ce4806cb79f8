import threading
import time

import pytest

from noisyseg.bench.cluster import followed_display
from noisyseg.bench.cluster.followed_display import followed


class Heard:
    """A display, or a tracker, that writes down what it is told."""

    name = "Tracker"

    def __init__(self):
        self.told = []
        self.troubles = 0
        self.gate = threading.Event()
        self.gate.set()

    def start(self, runs, *, parallel, dashboard=None):
        self.told.append(("start", len(runs), parallel, dashboard))

    def refresh(self, waiting):
        self.told.append(("refresh", len(list(waiting))))

    def note(self, text):
        self.told.append(("note", text))

    def look(self, runs):
        self.gate.wait()
        self.told.append(("look", len(list(runs))))

    def ended(self, run, record, *, elsewhere=False):
        if self.troubles:
            self.troubles -= 1
            raise ConnectionError("no server\nat all")
        self.told.append(("ended", run.key, elsewhere))

    def close(self):
        self.told.append(("close",))


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(followed_display, "_LOOK_EVERY_S", 0.01)
    monkeypatch.setattr(followed_display, "_SILENT_S", 0.2)
    monkeypatch.setattr(followed_display, "_LAST_WORDS_S", 0.5)
    monkeypatch.setattr(followed_display, "_FOLLOWED_MOST", 2)


def until(condition):
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_without_a_tracker_it_is_the_display_itself():
    display = Heard()
    assert followed(display, []) is display


def test_display_and_tracker_are_told_the_same(runs, record_of):
    display, tracker = Heard(), Heard()
    both = followed(display, [tracker])
    both.start(runs, parallel=1, dashboard="there")
    both.refresh(iter(runs))  # the first two may be under way
    until(lambda: ("look", 2) in tracker.told)
    both.ended(runs[0], record_of(runs[0]))
    both.ended(runs[1], record_of(runs[1]), elsewhere=True)
    both.note("a node is lost")
    both.close()
    assert display.told == [
        ("start", 4, 1, "there"),
        ("refresh", 4),
        ("ended", runs[0].key, False),
        ("ended", runs[1].key, True),
        ("note", "a node is lost"),
        ("close",),
    ]
    assert [entry for entry in tracker.told if entry[0] != "look"] == [
        ("ended", runs[0].key, False),
        ("close",),
    ]
    # What the driver showed last may have ended since: it is not begun once more.
    assert tracker.told[-3:] == [("ended", runs[0].key, False), ("look", 1), ("close",)]


def test_what_a_tracker_did_not_take_it_is_told_again(runs, record_of):
    display, tracker = Heard(), Heard()
    tracker.troubles = 3
    both = followed(display, [tracker])
    both.start(runs, parallel=1)
    both.ended(runs[0], record_of(runs[0]))
    until(lambda: ("ended", runs[0].key, False) in tracker.told)
    both.close()
    notes = [entry[1] for entry in display.told if entry[0] == "note"]
    assert notes == ["Tracker cannot be told, and will be later: no server"]


def test_a_tracker_that_hangs_holds_up_nobody(runs, record_of):
    display, tracker = Heard(), Heard()
    tracker.gate.clear()
    both = followed(display, [tracker])
    began = time.monotonic()
    both.start(runs, parallel=1)
    time.sleep(0.1)  # by now it hangs
    for _ in range(100):
        both.refresh(runs)
    both.ended(runs[0], record_of(runs[0]))
    both.close()
    tracker.gate.set()
    assert time.monotonic() - began < 10
    assert display.told[-3:] == [
        ("note", "Tracker is told the rest (0.5 s at most)"),
        ("note", "Tracker was not told all of 1 run"),
        ("close",),
    ]


def test_a_display_that_was_never_begun_is_closed(runs):
    display = Heard()
    followed(display, [Heard()]).close()
    assert display.told == [("close",)]
