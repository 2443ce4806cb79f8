import io
from dataclasses import replace

import pytest
from rich.console import Console

from noisyseg.bench.cluster import progress
from noisyseg.bench.cluster.progress import (
    LiveDisplay,
    PlainDisplay,
    display_for,
    duration,
    outcome_line,
    progress_line,
    time_left,
)
from noisyseg.bench.runs.heartbeat import Heartbeat


@pytest.fixture
def runs(toy, tmp_path):
    """Four runs with folders."""
    made = toy.expand(tmp_path / "runs")
    for run in made:
        run.folder.mkdir(parents=True)
    return made


@pytest.fixture
def clock(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (61, "1 min 01 s"),
        (3599, "59 min 59 s"),
        (3600, "1 h 00 min"),
        (90_000, "25 h 00 min"),
    ],
)
def test_durations(seconds, text):
    assert duration(seconds) == text


def test_time_left_counts_rounds(clock):
    assert time_left(900.0, ended=0, remaining=4, parallel=2) == "time left not known yet"
    # 100 s for one round of two; three more runs are two more rounds.
    assert time_left(900.0, ended=2, remaining=3, parallel=2) == "about 3 min 20 s left"
    assert time_left(900.0, ended=1, remaining=1, parallel=0) == "about 1 min 40 s left"
    assert time_left(900.0, ended=2, remaining=0, parallel=2) == "about 0 s left"


def test_the_line_of_a_run_that_is_done(runs, record_of):
    line = outcome_line(runs[0], record_of(runs[0], average=29.06))
    assert line == "ce · clean · seed 0: mask AP 29.1 in 1 min 05 s"
    assert "mask AP unknown" in outcome_line(runs[0], record_of(runs[0], average=None))


def test_the_line_of_a_run_that_failed_names_reason_and_log(runs, record_of):
    line = outcome_line(runs[1], record_of(runs[1], failure="no memory\nmore of it"))
    assert line == f"lncis · clean · seed 0: FAILED: no memory (log: {runs[1].folder / 'run.log'})"


def test_the_line_of_a_run_under_way(runs, monkeypatch):
    assert progress_line(runs[0]) is None
    beat = Heartbeat(runs[0].folder, epochs=8)
    beat.start(2)
    beat.training(4, 1.23456)
    line = progress_line(runs[0])
    assert line.startswith("ce · clean · seed 0: epoch 4.0/8, loss 1.235, ")
    assert line.endswith(" of training left")
    beat.evaluating()
    assert progress_line(runs[0]) == "ce · clean · seed 0: evaluating"


def test_a_terminal_gets_the_live_list_and_a_file_plain_lines(monkeypatch):
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    terminal = io.StringIO()
    terminal.isatty = lambda: True
    assert isinstance(display_for(terminal), LiveDisplay)
    assert isinstance(display_for(io.StringIO()), PlainDisplay)


def test_plain_lines_tell_the_whole_story(runs, record_of, clock):
    stream = io.StringIO()
    display = PlainDisplay(Console(file=stream, width=40))
    runs[2] = replace(runs[2], method_label="[red] method with a very long label indeed")
    display.start(runs, parallel=2)
    beat = Heartbeat(runs[2].folder, epochs=2)
    beat.evaluating()
    display.refresh(runs)
    assert "evaluating" not in stream.getvalue(), "not so soon"
    clock[0] += 60
    display.refresh(runs[2:])
    display.refresh(runs[2:])
    display.ended(runs[0], record_of(runs[0]))
    display.ended(runs[1], record_of(runs[1], failure="boom"))
    display.close()
    assert stream.getvalue().splitlines() == [
        "training 4 runs, 2 at a time",
        f"  {runs[2].label}: evaluating",
        "[1/4] ce · clean · seed 0: mask AP 30.0 in 1 min 05 s; about 2 min 00 s left",
        f"[2/4] lncis · clean · seed 0: FAILED: boom (log: {runs[1].folder / 'run.log'}); "
        "about 1 min 00 s left",
    ]


def test_no_more_runs_at_a_time_than_there_are(runs):
    stream = io.StringIO()
    PlainDisplay(Console(file=stream)).start(runs, parallel=64)
    assert stream.getvalue() == "training 4 runs, 4 at a time\n"


def test_the_live_list_shows_runs_under_way_and_keeps_the_ended_ones(runs, record_of):
    stream = io.StringIO()
    display = LiveDisplay(Console(file=stream, force_terminal=True, width=200, color_system=None))
    runs[0] = replace(runs[0], method_label="[bold]x")
    display.start(runs, parallel=2)
    try:
        beat = Heartbeat(runs[0].folder, epochs=2)
        beat.start(0)
        beat.training(1.5, 0.125)
        Heartbeat(runs[1].folder, epochs=2).evaluating()
        display.refresh(runs)
        display.ended(runs[2], record_of(runs[2], average=12.5))
        display.ended(runs[3], record_of(runs[3], failure="boom"))
        display.refresh(runs[:2])
    finally:
        display.close()
    shown = stream.getvalue()
    for text in (
        *("2 of 4 runs ended", "[bold]x", "1.5/2", "0.125", "evaluating"),
        *(f"{runs[2].label}: mask AP 12.5", f"{runs[3].label}: FAILED: boom"),
    ):
        assert text in shown


@pytest.mark.parametrize("kind", [LiveDisplay, PlainDisplay])
def test_of_thousands_of_waiting_runs_few_are_looked_at_and_not_often(
    runs, record_of, clock, monkeypatch, kind
):
    opened = []
    monkeypatch.setattr(progress, "read_heartbeat", lambda folder: opened.append(folder))
    many = [replace(runs[0], folder=runs[0].folder / str(number)) for number in range(3000)]
    display = kind(Console(file=io.StringIO()))
    display.start(many, parallel=2)
    clock[0] += 60
    try:
        for _ in range(100):  # 50 seconds
            display.refresh(many)
            clock[0] += 0.5
        looks = 50 if kind is LiveDisplay else 3
        assert opened == [run.folder for run in many[:4]] * looks
        display.refresh(many)
        display.ended(many[0], record_of(runs[0]))
        display.refresh(many[1:])
        if kind is LiveDisplay:  # without the one that ended, at once
            assert opened[-4:] == [run.folder for run in many[1:5]]
    finally:
        display.close()
