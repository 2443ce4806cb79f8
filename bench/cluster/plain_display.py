"""Runs that go on, as lines of a file."""

import time
from collections.abc import Iterable, Sequence

from rich.console import Console

from noisyseg.bench.cluster.outcome_line import outcome_line
from noisyseg.bench.cluster.run_row import progress_words
from noisyseg.bench.cluster.watched_runs import Look, WatchedRuns
from noisyseg.bench.runs.run import Run
from noisyseg.results.records.record import Record
from noisyseg.text_lines import printable

_EVERY_S, _SELDOM_S = 20.0, 300.0
_SLOWER = 100  # a log of a week need not say every 20 s what it says
_RUNS_MOST = 4  # that are told of each time


class PlainDisplay:
    """A line when a run ends, and now and then a few on how far the others are."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._runs = WatchedRuns()
        self._last = self._began = time.monotonic()

    def start(self, runs: Sequence[Run], *, parallel: int, dashboard: str | None = None) -> None:
        """Say how much there is to do."""
        self._runs.start(runs, parallel=parallel)
        self._last = self._began = time.monotonic()
        self._say(f"training {len(runs)} runs, {self._runs.parallel} at a time")
        if dashboard is not None:
            self._say(dashboard)

    def refresh(self, waiting: Iterable[Run]) -> None:
        """Print where the runs are, unless that was said a moment ago."""
        now = time.monotonic()
        if now - self._last < min(max(_EVERY_S, (now - self._began) / _SLOWER), _SELDOM_S):
            return
        self._last = now
        look = self._runs.look(waiting)
        self._say(look.head)
        for line in _few_lines(look):
            self._say(f"  {line}")

    def ended(self, run: Run, record: Record, *, elsewhere: bool = False) -> None:
        """Print how a run ended."""
        self._runs.ended(run, record, elsewhere=elsewhere)
        count = f"[{self._runs.ended_count}/{self._runs.total}]"
        self._say(f"{count} {outcome_line(run, record, elsewhere=elsewhere)}")

    def note(self, text: str) -> None:
        """Print it."""
        for line in text.splitlines():
            self._say(line)

    def close(self) -> None:
        """Nothing to take down."""

    def _say(self, line: str) -> None:
        self._console.print(printable(line), markup=False, highlight=False, soft_wrap=True)


def _few_lines(look: Look) -> list[str]:
    """How far the first of the runs under way are, and how many others there are."""
    now = time.time()
    shown = look.under_way[:_RUNS_MOST]
    more = len(look.under_way) - len(shown)
    lines = [f"{label}: {progress_words(state, now)}" for label, state in shown]
    return [*lines, f"and {more} more"] if more else lines
