"""Runs that go on, on a terminal."""

import time
from collections.abc import Iterable, Sequence

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from noisyseg.bench.cluster.outcome_line import outcome_line
from noisyseg.bench.cluster.run_row import SILENT, run_row
from noisyseg.bench.cluster.run_table import table_lines
from noisyseg.bench.cluster.watched_runs import Look, WatchedRuns
from noisyseg.bench.runs.run import Run
from noisyseg.results.records.record import Record
from noisyseg.results.records.store import is_done, is_stopped
from noisyseg.text_lines import printable

_LOOK_EVERY_S = 1.0  # as often as a run writes how far it is
_LOOK_SHARE = 20  # of the driver's time at most a twentieth goes into looking


class LiveDisplay:
    """Runs that ended scroll by; those under way stay below, each with its progress."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, auto_refresh=False)
        self._next = self._idle_until = 0.0
        self._runs = WatchedRuns()
        self._dashboard: str | None = None

    def start(self, runs: Sequence[Run], *, parallel: int, dashboard: str | None = None) -> None:
        """Begin to draw."""
        self._runs.start(runs, parallel=parallel)
        self._dashboard = dashboard
        self._live.start()

    def refresh(self, waiting: Iterable[Run]) -> None:
        """Draw the runs under way, unless that was done a moment ago and none has ended since."""
        began = time.monotonic()
        if began < self._next:
            return
        look = self._runs.look(waiting)
        self._live.update(drawn(look, self._console, self._dashboard), refresh=True)
        took = time.monotonic() - began
        self._idle_until = began + _LOOK_SHARE * took
        self._next = max(began + _LOOK_EVERY_S, self._idle_until)

    def ended(self, run: Run, record: Record, *, elsewhere: bool = False) -> None:
        """Let the run's line scroll by."""
        self._runs.ended(run, record, elsewhere=elsewhere)
        self._next = self._idle_until
        line = outcome_line(run, record, elsewhere=elsewhere)
        self._scroll(Text(line, style="" if is_done(record) or is_stopped(record) else "bold red"))

    def note(self, text: str) -> None:
        """Let it scroll by."""
        for line in text.splitlines():
            self._scroll(Text(printable(line), style="yellow"))

    def close(self) -> None:
        """Leave the terminal as it was, with what the runs have come to."""
        if self._live.is_started:
            self._live.update(Text(self._runs.end, style="bold"))
        self._live.stop()

    def _scroll(self, line: Text) -> None:
        self._console.print(line, soft_wrap=True)


def drawn(look: Look, console: Console, dashboard: str | None = None) -> Group:
    """A head, and a row for each run under way, as many as the terminal has lines for."""
    width, height = console.size
    head = [Text(look.head, style="bold")]
    head += [Text(dashboard, style="dim", no_wrap=True)] if dashboard else []
    taken = sum(-(-line.cell_len // max(width, 1)) + 1 for line in head)
    now = time.time()
    rows = [run_row(label, state, now) for label, state in look.under_way]
    lines = table_lines(rows, width=width, most=max(height - taken, 3))
    body = [Text(line, no_wrap=True, style=_style(line)) for line in lines[1:]]
    return Group(*head, *(Text(line, no_wrap=True, style="dim") for line in lines[:1]), *body)


def _style(line: str) -> str:
    """Of a run's line: what needs a look stands out."""
    return "yellow" if f" {SILENT} for " in line else ""
