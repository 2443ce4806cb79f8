"""What a person sees while runs go on: a live table on a terminal, plain lines elsewhere."""

from collections.abc import Iterable, Sequence
from typing import Protocol, TextIO

from noisyseg.bench.runs.run import Run
from noisyseg.results.records.record import Record


class Display(Protocol):
    """Told what happens; shows it."""

    def start(self, runs: Sequence[Run], *, parallel: int, dashboard: str | None = None) -> None:
        """These runs are about to be trained, so many at a time.

        Args:
            runs: each once.
            parallel: how many at a time.
            dashboard: where Ray's own pages are; None: nowhere.
        """

    def refresh(self, waiting: Iterable[Run]) -> None:
        """Time has passed; these runs have not ended, those that may be under way first."""

    def ended(self, run: Run, record: Record, *, elsewhere: bool = False) -> None:
        """A run has ended, done or failed, here or by another driver on the store."""

    def note(self, text: str) -> None:
        """Something worth a line: a node that was lost, a run that is tried again."""

    def close(self) -> None:
        """Nothing more will come."""


def display_for(stream: TextIO) -> Display:
    """A live display if stream is a terminal, else plain lines."""
    # Imported here: whoever only names a Display need not wait for what draws one.
    from noisyseg.bench.cluster.live_display import LiveDisplay
    from noisyseg.bench.cluster.plain_display import PlainDisplay
    from noisyseg.bench.cluster.run_console import RunConsole

    console = RunConsole(file=stream)
    return LiveDisplay(console) if console.is_terminal else PlainDisplay(console)
