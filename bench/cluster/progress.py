"""What a person sees while runs go on: a live list on a terminal, plain lines elsewhere."""

import time
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Protocol, TextIO

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from noisyseg.bench.runs.heartbeat import read_heartbeat
from noisyseg.bench.runs.run import STEP, Run
from noisyseg.results.records.record import Record
from noisyseg.results.records.store import is_done

_LINE_EVERY_S = 20.0
_LOOK_EVERY_S = 1.0  # as often as a run writes how far it is


class Display(Protocol):
    """Told what happens; shows it."""

    def start(self, runs: Sequence[Run], *, parallel: int) -> None:
        """These runs are about to be trained, so many at a time."""

    def refresh(self, waiting: Iterable[Run]) -> None:
        """Time has passed; these runs have not ended."""

    def ended(self, run: Run, record: Record) -> None:
        """A run has ended, done or failed."""

    def note(self, text: str) -> None:
        """Something has happened that a person should know."""

    def close(self) -> None:
        """Nothing more will come."""


def display_for(stream: TextIO) -> Display:
    """A live display if stream is a terminal, else plain lines."""
    console = Console(file=stream)
    return LiveDisplay(console) if console.is_terminal else PlainDisplay(console)


def outcome_line(run: Run, record: Record) -> str:
    """One line for a run that has ended."""
    if not is_done(record):
        reason = record["failure"]["message"].splitlines()[0]
        return f"{run.label}: FAILED: {reason} (log: {run.folder / 'run.log'})"
    average = record["metrics"]["segm"]["AP"]
    value = "unknown" if average is None else f"{average:.1f}"
    seconds = sum(taken for stage, taken in record["timings"].items() if stage != STEP)
    return f"{run.label}: mask AP {value} in {duration(seconds)}"


def progress_line(run: Run) -> str | None:
    """One line for a run that is under way; None if it is not."""
    state = read_heartbeat(run.folder)
    if state is None:
        return None
    if state["stage"] != "training":
        return f"{run.label}: evaluating"
    return (
        f"{run.label}: epoch {state['epoch']:.1f}/{state['epochs']}, loss {state['loss']:.3f}, "
        f"{duration(state['seconds_left'])} of training left"
    )


def duration(seconds: float) -> str:
    """Seconds as h, min or s."""
    minutes, rest = divmod(round(seconds), 60)
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def time_left(began: float, ended: int, remaining: int, parallel: int) -> str:
    """An estimate from the pace so far; "unknown" before the first run has ended."""
    if not ended:
        return "time left not known yet"
    rounds = -(-remaining // max(parallel, 1))
    pace = (time.monotonic() - began) / (-(-ended // max(parallel, 1)))
    return f"about {duration(rounds * pace)} left"


def first_waiting(waiting: Iterable[Run], parallel: int) -> Iterable[Run]:
    """Those of the runs that have not ended that may be under way: runs begin in order.

    Twice as many as train at a time, for those that are evaluated meanwhile; of thousands of
    others no file is opened.
    """
    return islice(waiting, 2 * parallel)


class PlainDisplay:
    """A line when a run ends, and now and then one for each that is under way."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._last = self._began = time.monotonic()
        self._total = self._ended = 0
        self._parallel = 1

    def start(self, runs: Sequence[Run], *, parallel: int) -> None:
        """Say how much there is to do."""
        self._total, self._parallel = len(runs), min(parallel, len(runs))
        self._began = time.monotonic()
        self._say(f"training {len(runs)} runs, {self._parallel} at a time")

    def refresh(self, waiting: Iterable[Run]) -> None:
        """Print where the runs are, unless that was said a moment ago."""
        if time.monotonic() - self._last < _LINE_EVERY_S:
            return
        self._last = time.monotonic()
        for run in first_waiting(waiting, self._parallel):
            line = progress_line(run)
            if line:
                self._say(f"  {line}")

    def ended(self, run: Run, record: Record) -> None:
        """Print how a run ended."""
        self._ended += 1
        left = time_left(self._began, self._ended, self._total - self._ended, self._parallel)
        self._say(f"[{self._ended}/{self._total}] {outcome_line(run, record)}; {left}")

    def note(self, text: str) -> None:
        """Print it."""
        self._say(text)

    def close(self) -> None:
        """Nothing to take down."""

    def _say(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)


class LiveDisplay:
    """Runs that ended scroll by; those under way stay below, each with its progress."""

    def __init__(self, console: Console) -> None:
        self._live = Live(console=console, refresh_per_second=4)
        self._looked = -_LOOK_EVERY_S
        self._began = time.monotonic()
        self._total = self._ended = 0
        self._parallel = 1

    def start(self, runs: Sequence[Run], *, parallel: int) -> None:
        """Begin to draw."""
        self._total, self._parallel = len(runs), min(parallel, len(runs))
        self._began = time.monotonic()
        self._live.start()

    def refresh(self, waiting: Iterable[Run]) -> None:
        """Draw the runs under way, unless that was done a moment ago and none has ended since."""
        if time.monotonic() - self._looked < _LOOK_EVERY_S:
            return
        self._looked = time.monotonic()
        table = Table(box=None, pad_edge=False)
        for heading in ("run", "epoch", "loss", "left"):
            table.add_column(heading, justify="left" if heading == "run" else "right")
        for run in first_waiting(waiting, self._parallel):
            state = read_heartbeat(run.folder)
            if state is None:
                continue
            if state["stage"] == "training":
                epoch = f"{state['epoch']:.1f}/{state['epochs']}"
                left = duration(state["seconds_left"])
                table.add_row(Text(run.label), epoch, f"{state['loss']:.3f}", left)
            else:
                table.add_row(Text(run.label), "evaluating", "", "")
        left = time_left(self._began, self._ended, self._total - self._ended, self._parallel)
        elapsed = duration(time.monotonic() - self._began)
        head = Text(f"{self._ended} of {self._total} runs ended after {elapsed}; {left}")
        self._live.update(Group(head, table))

    def ended(self, run: Run, record: Record) -> None:
        """Let the run's line scroll by."""
        self._ended += 1
        self._looked = -_LOOK_EVERY_S
        style = "" if is_done(record) else "bold red"
        self._live.console.print(Text(outcome_line(run, record), style=style), soft_wrap=True)

    def note(self, text: str) -> None:
        """Let it scroll by."""
        self._live.console.print(Text(text), soft_wrap=True)

    def close(self) -> None:
        """Leave the terminal as it was."""
        self._live.stop()
