"""A display beside which trackers are told the same."""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import chain, islice

from noisyseg.bench.cluster.progress import Display
from noisyseg.bench.runs.run import Run
from noisyseg.bench.tracking.follower import Follower
from noisyseg.results.records.record import Record

_LOOK_EVERY_S = 5.0
_SILENT_S, _LAST_WORDS_S = 2.0, 60.0
_FOLLOWED_MOST = 1000  # runs that have not ended: those under way come first


def followed(display: Display, followers: Sequence[Follower]) -> Display:
    """The display, or one that trackers follow, each in a thread of its own.

    A server that answers slowly, or not at all, holds up nobody: what it was not told is told
    later, at the latest as the display is closed, and there for a minute at most.
    """
    return FollowedDisplay(display, followers) if followers else display


class FollowedDisplay:
    """Hands everything on to a display, and to followers what concerns them."""

    def __init__(self, display: Display, followers: Sequence[Follower]) -> None:
        self._display = display
        self._trackers = [_Tracker(follower, display) for follower in followers]

    def start(self, runs: Sequence[Run], *, parallel: int, dashboard: str | None = None) -> None:
        """Begin to follow."""
        self._display.start(runs, parallel=parallel, dashboard=dashboard)
        for tracker in self._trackers:
            tracker.start()

    def refresh(self, waiting: Iterable[Run]) -> None:
        """Those that may be under way are followed."""
        others = iter(waiting)
        first = list(islice(others, _FOLLOWED_MOST))
        for tracker in self._trackers:
            tracker.under_way = first
        self._display.refresh(chain(first, others))

    def ended(self, run: Run, record: Record, *, elsewhere: bool = False) -> None:
        """Another driver's run is its own trackers'."""
        self._display.ended(run, record, elsewhere=elsewhere)
        if not elsewhere:
            for tracker in self._trackers:
                tracker.ended.append((run, record))

    def note(self, text: str) -> None:
        """Of no concern to trackers."""
        self._display.note(text)

    def close(self) -> None:
        """Tell trackers what they were not told."""
        for tracker in self._trackers:
            tracker.stop()
        self._display.close()


class _Tracker:
    """A follower in a thread of its own."""

    def __init__(self, follower: Follower, display: Display) -> None:
        self.under_way: Sequence[Run] = ()
        self.ended: deque[tuple[Run, Record]] = deque()
        self._follower, self._display = follower, display
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._over: set[str] = set()
        self._trouble: str | None = None

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Look once more and end."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(_SILENT_S)
        if self._thread.is_alive():
            self._display.note(
                f"{self._follower.name} is told the rest ({_LAST_WORDS_S:g} s at most)"
            )
            self._thread.join(_LAST_WORDS_S)
        if self.ended:
            count = f"{len(self.ended)} run{'' if len(self.ended) == 1 else 's'}"
            self._display.note(f"{self._follower.name} was not told all of {count}")

    def _follow(self) -> None:
        last = False
        while not last:
            last = self._stopped.wait(_LOOK_EVERY_S)
            self._tell()
        self._try(self._follower.close)

    def _tell(self) -> None:
        while self.ended:
            run, record = self.ended[0]
            if not self._try(partial(self._follower.ended, run, record)):
                return
            self.ended.popleft()
            self._over.add(run.key)
        # What the driver showed last may have ended since.
        left = [run for run in self.under_way if run.key not in self._over]
        self._try(partial(self._follower.look, left))

    def _try(self, tell: Callable[[], None]) -> bool:
        try:
            tell()
        except Exception as error:  # noqa: BLE001 (no tracker's trouble stops a training)
            trouble = (str(error).strip() or type(error).__name__).splitlines()[0]
            if trouble != self._trouble:
                self._display.note(
                    f"{self._follower.name} cannot be told, and will be later: {trouble}"
                )
            self._trouble = trouble
            return False
        self._trouble = None
        return True
