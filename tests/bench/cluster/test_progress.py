import io
import re
from dataclasses import replace

import pytest
from rich.console import Console

from noisyseg.bench.cluster import watched_runs
from noisyseg.bench.cluster.live_display import LiveDisplay
from noisyseg.bench.cluster.plain_display import PlainDisplay
from noisyseg.bench.cluster.progress import display_for
from noisyseg.bench.runs.heartbeat import Heartbeat, read_heartbeat
from noisyseg.bench.runs.prefix import Prefix

LINK = "Ray's dashboard: http://127.0.0.1:8265"


def live(stream, width=200, height=50):
    console = Console(
        file=stream, force_terminal=True, width=width, height=height, color_system=None
    )
    return LiveDisplay(console)


def plain(shown):
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown)


def test_a_terminal_gets_the_live_table_and_a_file_plain_lines(monkeypatch):
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
    display.start(runs, parallel=2, dashboard=LINK)
    Heartbeat(runs[2].folder, epochs=2).evaluating()
    display.refresh(runs)
    assert "evaluating" not in stream.getvalue(), "not so soon"
    clock[0] += 60
    display.refresh(runs[2:])
    display.refresh(runs[2:])
    display.ended(runs[0], record_of(runs[0]))
    display.ended(runs[1], record_of(runs[1], failure="boom"))
    display.ended(runs[3], record_of(runs[3]), elsewhere=True)
    display.note("node b is lost\n1 run of it goes on elsewhere")
    clock[0] += 60
    display.refresh([runs[2]])
    display.close()
    state = read_heartbeat(runs[2].folder)
    node, size = state["node"], state["memory_bytes"]
    memory = f"{size / 1e6:.1f} MB" if size < 1e9 else f"{size / 1e9:.1f} GB"
    assert stream.getvalue().splitlines() == [
        "training 4 runs, 2 at a time",
        LINK,
        "3 waiting, 1 running, 0 done; 1 min 00 s so far, time left not known yet",
        f"  {runs[2].label}: evaluating, on {node}, {memory}",
        "[1/4] ce · clean · seed 0: mask AP 30.0 in 1 min 05 s",
        f"[2/4] lncis · clean · seed 0: FAILED: boom (log: {runs[1].folder / 'run.log'})",
        "[3/4] lncis · sym40 · seed 0: mask AP 30.0 in 1 min 05 s, by another driver",
        "node b is lost",
        "1 run of it goes on elsewhere",
        "0 waiting, 1 running, 2 done, 1 failed (1 by another driver); "
        "2 min 00 s so far, about 5 s left",
        f"  {runs[2].label}: evaluating, on {node}, {memory}",
    ]


def test_plain_lines_have_no_control_characters(runs, record_of, clock):
    stream = io.StringIO()
    display = PlainDisplay(Console(file=stream))
    display.start(runs, parallel=2)
    display.ended(runs[0], record_of(runs[0], failure="\x1b[31mred\x07"))
    display.note("\x1b[2Jgone")
    display.close()
    assert re.search(r"[^\n\x20-\uffff]", stream.getvalue()) is None


def test_a_log_has_few_lines_for_many_runs_and_ever_fewer(runs, clock):
    stream = io.StringIO()
    display = PlainDisplay(Console(file=stream))
    many = [replace(runs[0], folder=runs[0].folder / str(number)) for number in range(200)]
    for run in many:
        run.folder.mkdir()
        Heartbeat(run.folder, epochs=2).start(0)
    display.start(many, parallel=100)
    clock[0] += 20
    display.refresh(many)
    lines = stream.getvalue().splitlines()
    assert len(lines) == 1 + 1 + 4 + 1
    assert lines[-1] == "  and 196 more"
    for _ in range(2 * 3600):  # two hours
        clock[0] += 1
        display.refresh(many)
    told = stream.getvalue().count("so far")
    assert 200 < told < 250  # 360 at 20 s; 100 + 100 · ln(7200 / 2000) are 228
    clock[0] += 10**6
    display.refresh(many)
    for _ in range(299):
        clock[0] += 1
        display.refresh(many)
    assert stream.getvalue().count("so far") == told + 1


def test_no_more_runs_at_a_time_than_there_are(runs):
    stream = io.StringIO()
    PlainDisplay(Console(file=stream)).start(runs, parallel=64)
    assert stream.getvalue() == "training 4 runs, 4 at a time\n"


def test_the_live_table_shows_runs_under_way_and_keeps_the_ended_ones(runs, record_of, clock):
    stream = io.StringIO()
    display = live(stream)
    runs[0] = replace(runs[0], method_label="[bold]x")
    display.start(runs, parallel=2, dashboard=LINK)
    try:
        beat = Heartbeat(runs[0].folder, epochs=2)
        beat.start(0)
        beat.training(1.5, 0.125)
        Heartbeat(runs[1].folder, epochs=2).evaluating()
        display.refresh(runs)
        display.ended(runs[2], record_of(runs[2], average=12.5))
        display.ended(runs[3], record_of(runs[3], failure="boom"))
        display.note("node b is \x1b[2Jlost")
        display.refresh(runs[:2])
    finally:
        display.close()
    shown = stream.getvalue()
    assert plain(shown).endswith("\r2 waiting, 0 running, 1 done, 1 failed after 0 s\n")
    for text in (
        *("2 waiting, 2 running, 0 done;", "0 waiting, 2 running, 1 done, 1 failed;", LINK),
        *("[bold]x", "1.5/2", "0.125", "evaluating", "node b is �[2Jlost"),
        *(f"{runs[2].label}: mask AP 12.5", f"{runs[3].label}: FAILED: boom"),
    ):
        assert text in shown


@pytest.mark.parametrize("width", [60, 80, 140])
def test_the_live_table_fits_its_terminal(runs, width, monkeypatch):
    many = [
        replace(runs[0], folder=runs[0].folder / str(number), method_label="lncis-two-stage" * 3)
        for number in range(40)
    ]
    for run in many:
        run.folder.mkdir()
        beat = Heartbeat(run.folder, epochs=36)
        beat.start(0, images=4000)
        beat.training(1.5, 0.125)
    stream = io.StringIO()
    display = live(stream, width=width, height=20)
    display.start(many, parallel=40, dashboard=LINK)
    display.refresh(many)
    drawn = plain(stream.getvalue()).split("\r")[-1]
    display.close()
    lines = drawn.splitlines()
    assert len(lines) <= 20
    assert max(map(len, lines)) <= width
    assert any(re.fullmatch(r"and \d+ more", line.rstrip()) for line in lines)


def test_a_display_that_was_never_begun_is_closed_without_a_word():
    stream = io.StringIO()
    live(stream).close()
    assert stream.getvalue() == ""


def test_runs_on_nodes_that_came_later_are_shown(runs):
    many = [replace(runs[0], folder=runs[0].folder / str(number)) for number in range(30)]
    for run in many[:20]:
        run.folder.mkdir()
        Heartbeat(run.folder, epochs=2).start(0)
    watched = watched_runs.WatchedRuns()
    watched.start(many, parallel=1)
    tally = watched.look(many).tally
    assert (tally.running, tally.waiting) == (20, 10)


def test_a_run_that_begins_from_anothers_epochs_takes_the_rest(runs, record_of):
    half = Prefix(key="p", epochs=1, path=runs[0].folder, threshold=1.0)  # of two epochs
    watched = watched_runs.WatchedRuns()
    watched.start([*runs[:2], replace(runs[2], prefix=half), *runs[3:]], parallel=1)
    watched.ended(runs[0], record_of(runs[0]), elsewhere=False)
    left = watched.look([]).seconds_left  # 65 s a run
    assert left == pytest.approx(2.5 * 65)


@pytest.mark.parametrize("kind", [LiveDisplay, PlainDisplay])
def test_of_thousands_of_waiting_runs_few_are_looked_at_and_not_often(
    runs, record_of, clock, monkeypatch, kind
):
    opened = []
    monkeypatch.setattr(watched_runs, "read_heartbeat", lambda folder: opened.append(folder))
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


def test_a_slow_disk_is_not_looked_at_all_the_time(runs, clock, monkeypatch):
    opened = []

    def slow(folder):
        opened.append(folder)
        clock[0] += 1.0

    monkeypatch.setattr(watched_runs, "read_heartbeat", slow)
    display = live(io.StringIO())
    display.start(runs, parallel=2)
    try:
        for _ in range(100):
            display.refresh(runs)
            clock[0] += 0.5
    finally:
        display.close()
    assert len(opened) == 4  # 4 s of looking, then a rest of 80
