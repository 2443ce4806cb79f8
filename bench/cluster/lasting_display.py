"""A display whose terminal may go away while runs go on."""

from collections.abc import Callable, Iterable, Sequence

from noisyseg.bench.cluster.progress import Display
from noisyseg.bench.runs.run import Run
from noisyseg.results.records.record import Record


class LastingDisplay:
    """Hands all on to a display until that cannot write: no run ends for want of a reader."""

    def __init__(self, display: Display) -> None:
        self._display = display
        self._is_gone = False

    def start(self, runs: Sequence[Run], *, parallel: int, dashboard: str | None = None) -> None:
        """As the display."""
        self._try(lambda: self._display.start(runs, parallel=parallel, dashboard=dashboard))

    def refresh(self, waiting: Iterable[Run]) -> None:
        """As the display."""
        self._try(lambda: self._display.refresh(waiting))

    def ended(self, run: Run, record: Record, *, elsewhere: bool = False) -> None:
        """As the display."""
        self._try(lambda: self._display.ended(run, record, elsewhere=elsewhere))

    def note(self, text: str) -> None:
        """As the display."""
        self._try(lambda: self._display.note(text))

    def close(self) -> None:
        """As the display."""
        self._try(self._display.close)

    def _try(self, tell: Callable[[], None]) -> None:
        if self._is_gone:
            return
        try:
            tell()
        except OSError:  # a pipe that nobody reads any more, a connection that broke
            self._is_gone = True
